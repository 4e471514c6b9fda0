"""Reuse: trials of which another sweep of the project has the result, or the first epochs, are not trained.

A trial that has finished is looked up by its identity. Its curve is copied, so that whoever reads a trial
finds all of it there, whatever happens to the other one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

from sqlalchemy import JSON, String, Table, and_, bindparam, column, insert, select
from sqlalchemy.orm import Session

from services.domain.plan.identity import Identities
from services.domain.plan.packing import LADDER
from services.domain.plan.plan import Plan
from services.domain.results.race import FIRST_SEEDS
from services.domain.spec.spec import Spec
from services.domain.spec.stop import rung_rule
from services.domain.states import SweepState
from services.store import budgets, clock, moves, sweeps, trials
from services.store.json_rows import GIVEN_IDS, given_ids, json_rows
from services.store.models import SUCCEEDED, Checkpoint, Report, Sweep, Trial

MAX_LOOKED_UP = 256  # trials that one query looks for
MAX_ROWS = LADDER[-1]  # of a pack
MAX_WRITTEN = 2048  # trials that one transaction writes
MAX_PREVIEWED = 10_000  # trials that a dry run looks for

_TRIALS, _SWEEPS, _REPORTS, _FILES = (
    cast(Table, model.__table__) for model in (Trial, Sweep, Report, Checkpoint)
)


class ReusedTrial(NamedTuple):
    """A trial that has finished and can stand for another one, or begin it."""

    identity: str
    id: str
    sweep_id: str
    target_epoch: int
    best_value: float | None
    best_epoch: int | None
    last_value: float | None
    best_file: str | None
    checkpoint_id: int | None  # of its last state, if the file is there
    saved_epoch: int
    saved_row: int | None


_THERE = _FILES.c.id == _TRIALS.c.checkpoint_id, _FILES.c.bytes > 0, ~_FILES.c.damaged
_FINISHED = (
    select(*(_FILES.c.id if name == "checkpoint_id" else _TRIALS.c[name] for name in ReusedTrial._fields))
    .join(_SWEEPS, _SWEEPS.c.id == _TRIALS.c.sweep_id)
    .outerjoin(_FILES, and_(*_THERE))
    .where(
        _TRIALS.c.identity.in_(GIVEN_IDS),
        SUCCEEDED,
        _TRIALS.c.reused_epochs < _TRIALS.c.target_epoch,  # it has trained its last epochs itself
        _SWEEPS.c.project == bindparam("project"),
        _TRIALS.c.sweep_id != bindparam("sweep"),
        _SWEEPS.c.state != SweepState.DELETING,
    )
    .order_by(_TRIALS.c.finished_at, _TRIALS.c.id)
)
_PAIRS = json_rows(bindparam("each", type_=String)).table_valued(column("value", JSON))
_TO, _FROM = (_PAIRS.c.value[name].as_string() for name in ("to", "from"))
_COPY = insert(_REPORTS).from_select(
    ["trial_id", "epoch", "pack_id", "at", "metrics"],
    select(_TO, *(_REPORTS.c[name] for name in ("epoch", "pack_id", "at", "metrics"))).select_from(
        _PAIRS.join(_REPORTS, _REPORTS.c.trial_id == _FROM)
    ),
)


@dataclass(frozen=True)
class Preview:
    """How many trials of a sweep would have the result of another one, and how many only its first epochs."""

    finished: int
    begun: int
    epochs: int  # that would not be trained


def draw(session: Session, sweep: Sweep) -> int:
    """Write the next trials of a locked sweep, as far as some of them need not be trained from the beginning.

    Those that need not be trained have ended, the others are pending and wait for places in arrays, with all
    that were looked up together: arrays are then full. Nothing is written where nothing is found; these
    trials are drawn as packs form. Returns how many were written.
    """
    written = 0
    while written < MAX_WRITTEN and _is_due(sweep):
        first, now = max(sweep.next_number, sweep.looked_up), clock.read(session)
        stop, drawn = min(first + MAX_LOOKED_UP, sweep.total), sweep.drawn
        rows = trials.rows_of(sweep, (n for n in range(first, stop) if not drawn.has(n)), now)
        found = _locked(session, rows, _found(session, sweep.spec, rows, sweep.project, sweep.id))
        sweep.looked_up = stop
        if not found:
            continue
        before = (n for n in range(sweep.next_number, first) if not drawn.has(n))
        rows = list(_affordable(session, sweep, [*trials.rows_of(sweep, before, now), *rows], found))
        _write(session, sweep, rows, found)
        written += len(rows)
        if rows:
            sweep.drawn = drawn.up_to(rows[-1]["number"] + 1)
    if written:
        session.flush()
    return written


def write(session: Session, sweep: Sweep, rows: Sequence[dict[str, Any]]) -> None:
    """Write drawn trials of a locked sweep, without places: those that another one has trained have ended."""
    found = {}
    if sweep.spec.reuse and sweep.plan.code:
        found = _locked(session, rows, _found(session, sweep.spec, rows, sweep.project, sweep.id))
    _write(session, sweep, rows, found)


def preview(session: Session, spec: Spec, plan: Plan) -> Preview:
    """Count what a sweep would reuse if it was submitted now, among its first trials."""
    if not spec.reuse or plan.asked is not None:
        return Preview(0, 0, 0)
    identities, found = Identities(spec, plan), list[tuple[int, ReusedTrial]]()
    for start in range(0, min(plan.trials, MAX_PREVIEWED), MAX_LOOKED_UP):
        targets, rows = dict[str, int](), list[dict[str, Any]]()
        for number in range(start, min(start + MAX_LOOKED_UP, plan.trials)):
            values = plan.values(point := plan.point_of(number))
            identity = identities.of(values, plan.seed_of(number), plan.replicate_of(number))
            target = plan.shapes[plan.shape_of(point)].epochs
            targets[str(number)] = target
            rows.append({"id": str(number), "identity": identity, "target_epoch": target})
        by_id = _found(session, spec, rows, spec.project, "")
        found += [(targets[each], source) for each, source in by_id.items()]
    finished = sum(source.target_epoch == target for target, source in found)
    return Preview(finished, len(found) - finished, sum(source.target_epoch for _, source in found))


def _is_due(sweep: Sweep) -> bool:
    """Whether a trial of the next pack may be drawn, and nobody has looked it up."""
    if sweep.state != SweepState.ACTIVE or sweep.looked_up >= sweep.total:
        return False
    plan = sweep.plan
    may_reuse = sweep.spec.reuse and plan.code and not plan.pin and plan.asked is None
    return bool(may_reuse) and sweep.looked_up < sweep.next_number + MAX_ROWS


def _found(
    session: Session, spec: Spec, rows: Sequence[Mapping[str, Any]], project: str, sweep_id: str
) -> dict[str, ReusedTrial]:
    """The trial that stands for each new one, or begins it, by the new one's id.

    Where trials are compared before their end, at rungs or in a race, none begins in the middle: it would be
    past decisions that are still to be taken on it.
    """
    wanted = [row["identity"] for row in rows if row["identity"]]
    if not wanted:
        return {}
    given = given_ids(wanted) | {"project": project, "sweep": sweep_id}
    finished: dict[str, list[ReusedTrial]] = {}
    for row in session.execute(_FINISHED, given):
        finished.setdefault(row.identity, []).append(ReusedTrial._make(row))
    whole = {
        row["id"]: source
        for row in rows
        for source in reversed(finished.get(row["identity"], ()))  # the first that has finished stays
        if source.target_epoch == row["target_epoch"]
    }
    if rung_rule(spec.stop) or spec.race or not finished:
        return whole
    begun = {
        row["id"]: source
        for row in rows
        for source in sorted(finished.get(row["identity"], ()), key=lambda source: source.target_epoch)
        if source.target_epoch < row["target_epoch"]  # the longest of these stays
        and source.checkpoint_id is not None
        and source.saved_epoch == source.target_epoch
    }
    return begun | whole


def _locked(
    session: Session, rows: Sequence[Mapping[str, Any]], found: Mapping[str, ReusedTrial]
) -> dict[str, ReusedTrial]:
    """What was found, without trials that are deleted just now, or would go on from a file that is.

    The others are locked until a new trial needs them.
    """
    if found:
        there = sweeps.hold(session, {source.sweep_id for source in found.values()})
        found = {each: source for each, source in found.items() if source.sweep_id in there}
    targets = {row["id"]: row["target_epoch"] for row in rows}
    begun = {each: source for each, source in found.items() if source.target_epoch < targets[each]}
    if not begun:
        return dict(found)
    files = {source.checkpoint_id for source in begun.values()}
    whole = select(_FILES.c.id).where(_FILES.c.id.in_(files), _FILES.c.bytes > 0)
    kept = set(session.scalars(whole.order_by(_FILES.c.id).with_for_update()))
    return {
        each: source for each, source in found.items() if each not in begun or source.checkpoint_id in kept
    }


def _affordable(
    session: Session, sweep: Sweep, rows: Sequence[dict[str, Any]], found: Mapping[str, ReusedTrial]
) -> Iterator[dict[str, Any]]:
    """The first of these trials, as many as the sweep's budget of epochs can pay."""
    left = budgets.left(session, sweep)
    for row in rows:
        if left is not None:
            taken = found[row["id"]].target_epoch if row["id"] in found else 0
            left -= 0 if _is_later_seed(sweep, row) else max(0, row["until_epoch"] - taken)
            if left < 0:
                return
        yield row


def _is_later_seed(sweep: Sweep, row: Mapping[str, Any]) -> bool:
    """Whether a trial waits until a race needs it."""
    return bool(sweep.spec.race and row["replicate"] >= FIRST_SEEDS)


def _write(
    session: Session, sweep: Sweep, rows: Sequence[dict[str, Any]], found: Mapping[str, ReusedTrial]
) -> None:
    fresh, begun, finished = list[dict[str, Any]](), list[dict[str, Any]](), list[dict[str, Any]]()
    for row in rows:
        source = found.get(row["id"])
        if source is None:
            fresh.append(row)
        elif source.target_epoch == row["target_epoch"]:
            finished.append(row | _result(source) | {"until_epoch": source.target_epoch})
        else:
            saved = {name: getattr(source, name) for name in ("checkpoint_id", "saved_epoch", "saved_row")}
            begun.append(row | _result(source) | saved)
    later = [row | {"until_epoch": 0} for row in fresh if _is_later_seed(sweep, row)]
    moves.add_trials(session, [row for row in fresh if not _is_later_seed(sweep, row)])
    moves.add_trials(session, begun)
    if later:
        moves.add_held_trials(session, sweep.id, later)
    if finished:
        moves.add_reused_trials(session, sweep.id, finished)
        if sweep.started_at is None:
            sweep.started_at = clock.read(session)
    pairs = [{"to": row["id"], "from": row["reused_from"]} for row in (*begun, *finished)]
    if pairs:
        session.execute(_COPY, {"each": json.dumps(pairs)})
    for row in begun:
        _leave_out_test(session, sweep.plan, row)


def _result(source: ReusedTrial) -> dict[str, Any]:
    """What a trial has of the one that stands for it, or begins it."""
    names = ("best_value", "best_epoch", "last_value", "best_file")
    epochs = {"epoch": source.target_epoch, "reused_epochs": source.target_epoch}
    return {name: getattr(source, name) for name in names} | epochs | {"reused_from": source.id}


def _leave_out_test(session: Session, plan: Plan, row: Mapping[str, Any]) -> None:
    """Take out of a trial's curve what was measured only because the other one ended there."""
    if plan.shape_config(row["shape"])["train"].get("test") != "best":
        return
    last = session.get_one(Report, (row["id"], row["epoch"]))
    last.metrics = {name: value for name, value in last.metrics.items() if not name.startswith("test/")}
