"""Reports: one row per trial and epoch, written behind the fence, an epoch of a pack in one transaction."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from sqlalchemy import (
    JSON,
    ColumnElement,
    Integer,
    String,
    Table,
    Update,
    bindparam,
    case,
    column,
    exists,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.orm import Session

from services.domain import json_numbers
from services.domain.errors import ServiceError
from services.domain.json_numbers import Metrics
from services.domain.spec.objective import Objective
from services.domain.states import TrialState
from services.store import events, fork_starts, mirror, moves, specs_and_plans
from services.store.clock import db_now
from services.store.json_rows import json_rows
from services.store.leases import HeldPack, Lease, fence, fenced
from services.store.models import Checkpoint, Pack, Report, Trial


@dataclass(frozen=True)
class Saved:
    """A checkpoint file that is already durable."""

    epoch: int
    path: str
    sha256: str
    bytes: int


@dataclass(frozen=True)
class Epoch:
    """What one epoch of a pack adds: metrics per live trial, and the checkpoint if one was written."""

    number: int
    metrics: Mapping[str, Metrics]
    best: Mapping[str, tuple[int, float]]  # trial → (epoch, objective value)
    saved: Saved | None
    busy_ms: int
    work_ms: int
    files: Mapping[str, str] = field(default_factory=dict)  # trial → its best weights, at its last epoch
    engine: Mapping[str, Any] = field(default_factory=dict)  # how the steps of the pack are carried out


# Of the tables, not of the classes: compiled once, for any number of rows, each an object of a JSON array.
_EACH = json_rows(bindparam("each", type_=String)).table_valued(column("value", JSON)).c.value
_TRIALS = cast(Table, Trial.__table__)
_INSERT = insert(cast(Table, Report.__table__)).from_select(
    ["trial_id", "epoch", "pack_id", "at", "metrics"],
    select(
        _EACH["id"].as_string(),
        bindparam("now", type_=Integer),
        bindparam("pack", type_=String),
        db_now(),
        _EACH["metrics"],
    ),
)


# Read once, whatever the plan: joined as it is, the array would be read anew for each trial of the pack.
_SCORES = (
    select(
        _EACH["id"].as_string().label("id"),
        _EACH["last_value"].as_float().label("last_value"),
        _EACH["best_epoch"].as_integer().label("best_epoch"),
        _EACH["best_value"].as_float().label("best_value"),
        _EACH["best_file"].as_string().label("best_file"),
    )
    .cte("scores")
    .prefix_with("MATERIALIZED")
)


def _scored(*where: ColumnElement[bool], **values: Any) -> Update:
    """An UPDATE of a pack's running trials that writes their last values, too, and their best ones if any."""
    values["last_value"] = _SCORES.c.last_value
    for name in ("best_epoch", "best_value", "best_file"):
        values[name] = func.coalesce(_SCORES.c[name], _TRIALS.c[name])
    return (
        update(_TRIALS)
        .where(_TRIALS.c.id == _SCORES.c.id)
        .where(_TRIALS.c.pack_id == bindparam("pack"), _TRIALS.c.state == TrialState.RUNNING, *where)
        .values(values)
        .returning(_TRIALS.c.id)
    )


_NUMBER = bindparam("now", type_=Integer)
_BEHIND = exists().where(Trial.pack_id == bindparam("pack"), Trial.epoch < _NUMBER)
_OF_PACK: dict[str, Any] = {
    "trained_rows": Pack.trained_rows + Pack.width,
    "live_rows": Pack.live_rows + bindparam("live", type_=Integer),
    "busy_ms": Pack.busy_ms + bindparam("busy", type_=Integer),
    "work_ms": Pack.work_ms + bindparam("work", type_=Integer),
    "engine": bindparam("how", type_=JSON),
    "progress_at": case((_BEHIND, db_now()), else_=Pack.progress_at),
}
_RUNNING = (
    select(func.count())
    .where(_TRIALS.c.pack_id == bindparam("pack"), _TRIALS.c.state == TrialState.RUNNING)
    .scalar_subquery()
)
_COUNT = fenced(**_OF_PACK)
_COUNT_AND_CLOSE = moves.to_close(fenced(_RUNNING, **_OF_PACK))
_ADVANCE = _scored(_TRIALS.c.epoch == _NUMBER - 1, epoch=_NUMBER)
_ADVANCE_TO_END = moves.to_success(_ADVANCE)
_REPEAT = _scored(_TRIALS.c.epoch >= _NUMBER)

# ---- written


def commit(session: Session, held: Lease, epoch: Epoch) -> bool:
    """Write one epoch of all live trials, all or nothing; returns whether it was new.

    An epoch that was reported before, because the pack went back to an older checkpoint, keeps its row and
    its time; where a value differs it is replaced and MLflow's copy is written again.
    """
    pack = fence(session, held, _COUNT, **_shared(epoch))
    return bool(_write(session, held, pack, epoch, _advance))


def commit_last(session: Session, held: Lease, epoch: Epoch) -> None:
    """Write the epoch with which all trials of a pack succeed, and end them and the pack.

    It does what `commit`, `endings.end_trials` and `endings.close` do, in two statements less.
    """
    pack = fence(session, held, _COUNT_AND_CLOSE, why=f"reached epoch {epoch.number}", **_shared(epoch))
    if pack.running != len(epoch.metrics):
        raise ServiceError(
            f"pack {pack.id} cannot close with the end of {len(epoch.metrics)} trials: "
            f"{pack.running} of its trials are running"
        )
    fresh = _write(session, held, pack, epoch, _advance_to_end)
    if repeated := epoch.metrics.keys() - fresh:
        moves.end_trials(session, pack.sweep_id, pack.id, repeated, TrialState.SUCCEEDED, failure=None)


def _shared(epoch: Epoch) -> dict[str, Any]:
    """What an epoch writes of its pack."""
    busy = max(1, epoch.busy_ms)  # a sum that shows every commit: standings.py
    sums = {"busy": busy, "work": epoch.work_ms, "live": len(epoch.metrics)}
    return {"now": epoch.number, "how": dict(epoch.engine), **sums}


def _write(
    session: Session, held: Lease, pack: HeldPack, epoch: Epoch, advance: Callable[..., set[str]]
) -> set[str]:
    """Write an epoch behind the fence; `advance` counts it. Returns the trials for which it was new."""
    objective = specs_and_plans.spec_of(session, pack.sweep_id).objective
    rows = {trial_id: _row(trial_id, epoch, objective) for trial_id in epoch.metrics}
    fresh = advance(session, pack, epoch.number, rows) if rows else set()
    if repeated := {trial_id: row for trial_id, row in rows.items() if trial_id not in fresh}:
        _repeat(session, pack, epoch.number, repeated, len(fresh))
    if epoch.saved:
        remember(session, held, epoch.saved, list(rows))
    if fresh:
        new = [rows[trial_id] for trial_id in rows if trial_id in fresh]
        given = {"now": epoch.number, "pack": pack.id, "each": json.dumps(new)}
        session.execute(_INSERT, given)
        values = {row["id"]: row["metrics"].get(objective.metric) for row in new}
        events.epoch_done(session, pack.sweep_id, pack.id, epoch.number, values)
        mirror.changed(session, pack.sweep_id)
    return fresh


def _row(trial_id: str, epoch: Epoch, objective: Objective) -> dict[str, Any]:
    """What one epoch adds to a trial: its metrics as stored, its last value and its best one so far."""
    metrics = epoch.metrics[trial_id]
    last = metrics.get(objective.metric)
    best = epoch.best.get(trial_id, (None, math.nan))
    return {
        "id": trial_id,
        "metrics": json_numbers.encode(metrics),
        "last_value": last if last is not None and math.isfinite(last) else None,
        "best_epoch": best[0] if math.isfinite(best[1]) else None,
        "best_value": best[1] if math.isfinite(best[1]) else None,
        "best_file": epoch.files.get(trial_id),
    }


def _advance(session: Session, pack: HeldPack, number: int, rows: Mapping[str, dict[str, Any]]) -> set[str]:
    """Count an epoch of the trials that report it for the first time; returns them."""
    given = {"now": number, "pack": pack.id, "each": json.dumps(list(rows.values()))}
    return set(session.execute(_ADVANCE, given).scalars())


def _advance_to_end(
    session: Session, pack: HeldPack, number: int, rows: Mapping[str, dict[str, Any]]
) -> set[str]:
    """Count the last epoch of the trials that report it for the first time, and end them; returns them."""
    given = {"now": number, "pack": pack.id, "each": json.dumps(list(rows.values()))}
    return set(moves.succeed(session, pack.sweep_id, _ADVANCE_TO_END, given))


def _repeat(
    session: Session, pack: HeldPack, number: int, rows: Mapping[str, dict[str, Any]], fresh: int
) -> None:
    """Replace reports that came out different the second time; speeds always differ and do not count."""
    given = {"now": number, "pack": pack.id, "each": json.dumps(list(rows.values()))}
    repeated = set(session.execute(_REPEAT, given).scalars())
    if missing := len(rows) - len(repeated):
        raise ServiceError(
            f"pack {pack.id}: {fresh + missing} trials report epoch {number}, "
            f"but {fresh} of them have reported the one before"
        )
    corrected = []
    for trial_id, row in rows.items():
        report = session.get_one(Report, (trial_id, number))
        if _curve_only(report.metrics) != _curve_only(row["metrics"]):
            report.metrics = row["metrics"]
            corrected.append(trial_id)
    if corrected:
        mirror.correct(session, pack.sweep_id, corrected)


def _curve_only(encoded: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in encoded.items() if not name.startswith("perf/")}


def remember(session: Session, held: Lease, saved: Saved, live: Collection[str]) -> None:
    """Have these trials go on from a checkpoint, once; the caller has passed the fence."""
    repeated = select(Checkpoint).where(Checkpoint.pack_id == held.pack_id, Checkpoint.epoch == saved.epoch)
    if session.scalars(repeated).one_or_none():
        return
    checkpoint = Checkpoint(
        pack_id=held.pack_id,
        epoch=saved.epoch,
        path=saved.path,
        sha256=saved.sha256,
        bytes=saved.bytes,
        created_at=db_now(),
    )
    session.add(checkpoint)
    session.flush()
    session.execute(
        update(Trial)
        .where(Trial.id.in_(live))
        .values(saved_epoch=saved.epoch, saved_row=Trial.row, checkpoint_id=checkpoint.id)
        .execution_options(synchronize_session=False)
    )
    if fence(session, held).save_asked:
        fork_starts.begin_at(session, checkpoint, live)


# ---- read


def curve(session: Session, trial_id: str, after: int = 0) -> Sequence[Report]:
    """A trial's reports beyond an epoch, in order."""
    return session.scalars(
        select(Report).where(Report.trial_id == trial_id, Report.epoch > after).order_by(Report.epoch)
    ).all()
