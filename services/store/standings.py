"""What sweeps have reached: trials by state, epochs and best points, read again only after a change."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, cast

from sqlalchemy import Table, func, select
from sqlalchemy.orm import Session

from services.store import leaderboard, trials
from services.store.json_rows import GIVEN_IDS, given_ids
from services.store.kept import of_store
from services.store.leaderboard import RankedPoint
from services.store.models import Event, MirrorTrial, Pack, Sweep
from services.store.tx import settled_tx

MAX_KEPT = 1000  # sweeps
BEST = 2  # points of each sweep: the best one, and the one that it is compared with


# Made once, and of the tables: to make a statement takes longer than to execute it.
_SWEEPS, _EVENTS, _PACKS, _MIRRORED = (
    cast(Table, model.__table__).c for model in (Sweep, Event, Pack, MirrorTrial)
)
_LAST = select(_EVENTS.id).where(_EVENTS.sweep_id == _SWEEPS.id)
_LAST_TX = select(func.max(_EVENTS.tx)).where(_EVENTS.sweep_id == _SWEEPS.id)
_BUSY = select(func.sum(_PACKS.busy_ms)).where(_PACKS.sweep_id == _SWEEPS.id)
_MARKS = select(
    _SWEEPS.id,
    _SWEEPS.next_number,
    _SWEEPS.finished_at,
    func.coalesce(_BUSY.scalar_subquery(), 0),
    func.coalesce(_LAST_TX.scalar_subquery(), -1).label("tx"),
    func.coalesce(_LAST.order_by(_EVENTS.tx.desc(), _EVENTS.id.desc()).limit(1).scalar_subquery(), -1),
    settled_tx().label("settled"),
).where(_SWEEPS.id.in_(GIVEN_IDS))
_RUNS = select(_MIRRORED.trial_id, _MIRRORED.run_id).where(_MIRRORED.trial_id.in_(GIVEN_IDS))


@dataclass(frozen=True, eq=False)
class Standing:
    """What a sweep has reached; it is the same object until something of it changes."""

    counts: Mapping[str, int]  # trials per state; points not drawn are not among them
    epochs: Mapping[int, trials.Epochs]  # per shape
    reused: int  # trials that have epochs of other sweeps
    best: Sequence[RankedPoint]  # the best two points that have a value


class Mark(NamedTuple):
    """What is different after every change of a standing.

    Of every trial that moves there is an event, and every epoch that is committed, repeated or not, adds to
    its pack's busy time. Events are forgotten only of a sweep that has ended.
    """

    drawn: int
    finished_at: int | None
    busy_ms: int
    last_event: tuple[int, int]


class Standings:
    """The standings that were read last; one for each `Store`, by `of_store`."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, tuple[Mark, Standing]] = OrderedDict()

    def of(self, session: Session, page: Sequence[Sweep]) -> dict[str, Standing]:
        """The standing of each sweep of a page, in as many queries for many sweeps as for one."""
        # Marks first: after a change between the two, the standing is newer than its mark and is read again.
        now = marks(session, [sweep.id for sweep in page])
        # With `get`, because other threads forget sweeps meanwhile.
        older = {sweep_id: self._kept.get(sweep_id) for sweep_id in now}
        found = {sweep_id: old[1] for sweep_id, old in older.items() if old and old[0] == now[sweep_id]}
        found = _with_runs(session, found) | _read(session, [each for each in page if each.id not in found])
        for sweep in page:
            # An unreadable sweep may be mended, which leaves no mark.
            if (mark := now.get(sweep.id)) and not sweep.fault:
                self._kept.pop(sweep.id, None)  # the order is that of use
                self._kept[sweep.id] = mark, found[sweep.id]
        while len(self._kept) > MAX_KEPT:
            self._kept.popitem(last=False)
        return found


def of(session: Session, page: Sequence[Sweep]) -> dict[str, Standing]:
    """The standing of each sweep of a page, from memory where nothing has changed."""
    return of_store(session, Standings).of(session, page)


def marks(session: Session, sweep_ids: Sequence[str]) -> dict[str, Mark]:
    """The marks of those sweeps whose next event is certain to be behind their last one."""
    rows = session.execute(_MARKS, given_ids(sweep_ids))
    return {
        sweep_id: Mark(drawn, finished_at, int(busy_ms), (tx, event))
        for sweep_id, drawn, finished_at, busy_ms, tx, event, settled in rows
        if tx < settled
    }


def _read(session: Session, page: Sequence[Sweep]) -> dict[str, Standing]:
    """The standings as they are now."""
    if not page:
        return {}
    ids = [sweep.id for sweep in page]
    totals = trials.totals(session, ids)
    objectives = {sweep.id: sweep.spec.objective for sweep in page if not sweep.fault}
    best = leaderboard.top(session, objectives, BEST)
    return {each: Standing(*totals[each], best.get(each, [])) for each in ids}


def _with_runs(session: Session, found: Mapping[str, Standing]) -> dict[str, Standing]:
    """These standings with the runs that MLflow has of their trials by now, which leaves no mark either."""
    shown = {
        replicate.id: replicate.run_id
        for standing in found.values()
        for point in standing.best
        for replicate in point.replicates
    }
    if not shown:
        return dict(found)
    now = dict(session.execute(_RUNS, given_ids(list(shown))).all())
    changed = {trial_id for trial_id, run_id in shown.items() if now[trial_id] != run_id}
    return {sweep_id: _renewed(standing, changed, now) for sweep_id, standing in found.items()}


def _renewed(standing: Standing, changed: set[str], runs: Mapping[str, str | None]) -> Standing:
    """The standing itself where no run of it has changed, else a new one."""
    if not any(each.id in changed for point in standing.best for each in point.replicates):
        return standing
    best = [
        replace(point, replicates=[replace(each, run_id=runs[each.id]) for each in point.replicates])
        for point in standing.best
    ]
    return replace(standing, best=best)
