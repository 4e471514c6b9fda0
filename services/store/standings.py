"""What sweeps have reached: trials by state, epochs and best points, read again only after a change."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from services.store import leaderboard, trials
from services.store.json_rows import among
from services.store.kept import of_store
from services.store.leaderboard import RankedPoint
from services.store.models import Event, MirrorTrial, Pack, Sweep
from services.store.tx import settled_tx

MAX_KEPT = 1000  # sweeps
BEST = 2  # points of each sweep: the best one, and the one that it is compared with


@dataclass(frozen=True, eq=False)
class Standing:
    """What a sweep has reached; it is the same object until something of it changes."""

    counts: Mapping[str, int]  # trials per state; points not drawn are not among them
    epochs: Mapping[int, trials.Epochs]  # per shape
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
    last = select(Event.id).where(Event.sweep_id == Sweep.id).order_by(Event.tx.desc(), Event.id.desc())
    last_tx = select(func.max(Event.tx)).where(Event.sweep_id == Sweep.id)
    busy = select(func.sum(Pack.busy_ms)).where(Pack.sweep_id == Sweep.id)
    rows = session.execute(
        select(
            Sweep.id,
            Sweep.next_number,
            Sweep.finished_at,
            func.coalesce(busy.scalar_subquery(), 0),
            func.coalesce(last_tx.scalar_subquery(), -1).label("tx"),
            func.coalesce(last.limit(1).scalar_subquery(), -1),
            settled_tx().label("settled"),
        ).where(Sweep.id.in_(among(sweep_ids)))
    )
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
    runs = select(MirrorTrial.trial_id, MirrorTrial.run_id)
    runs = runs.where(MirrorTrial.trial_id.in_(among(list(shown))))
    now = dict(session.execute(runs).all())
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
