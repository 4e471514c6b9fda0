"""Moves: the only writer of the state of a sweep, a trial or a pack.

Each function checks the table in services/domain/states.py, writes the state with the columns that follow
from it, and writes the event, all in the caller's transaction. The caller holds the locks.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any, cast

from sqlalchemy import (
    ColumnElement,
    Integer,
    Row,
    Table,
    Update,
    bindparam,
    exists,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.orm import Session

from services.domain.states import (
    PACK_FINAL,
    SWEEP_FINAL,
    TRIAL_FINAL,
    TRIAL_PACKED,
    PackState,
    SweepState,
    TrialState,
    move,
)
from services.host import HostDevice
from services.store import events, mirror, queue_order
from services.store.clock import db_now
from services.store.json_rows import insert_each
from services.store.models import MirrorTrial, Pack, Sweep, Trial
from services.store.session import touched

_MIRROR_TRIALS = cast(Table, MirrorTrial.__table__)
# An UPDATE of these costs least.
_SWEEPS, _TRIALS, _PACKS = (cast(Table, model.__table__) for model in (Sweep, Trial, Pack))

_NEW_PACKS = insert_each(
    _PACKS,
    *("id", "sweep_id", "shape", "kind", "width", "start_epoch", "target_epoch", "state", "created_at"),
    *("precision", "memory"),
)
_NEW_TRIALS = insert_each(
    _TRIALS,
    *("id", "sweep_id", "number", "point", "replicate", "seed", "identity", "values", "shape"),
    *("width", "row"),
    *("cohort", "until_epoch", "target_epoch", "created_at", "pack_id", "state"),
)
_UNMIRRORED = insert_each(_MIRROR_TRIALS, trial_id="id")

# What training needs of a pack and of its trials.
_PLUGINS = select(_SWEEPS.c.plugins).where(_SWEEPS.c.id == _PACKS.c.sweep_id).scalar_subquery()
PACK_TO_TRAIN = (
    *(_PACKS.c[name] for name in ("id", "sweep_id", "shape", "width", "start_epoch", "target_epoch")),
    _PLUGINS.label("plugins"),
)
TRIAL_TO_TRAIN = tuple(
    _TRIALS.c[name]
    for name in (
        *("id", "row", "values", "seed", "replicate", "target_epoch"),
        *("saved_epoch", "saved_row", "checkpoint_id", "start_checkpoint_id"),
    )
)

# ---- new rows


def add_sweep(session: Session, sweep: Sweep) -> None:
    """Write a new sweep, in the first of its states."""
    sweep.state = SweepState.ACTIVE
    session.add(sweep)
    session.flush()
    events.sweep_moved(session, sweep)
    mirror.changed(session, sweep.id)


def add_trials(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write new trials of a sweep, in the first of their states; their first event is that of a move."""
    if rows:
        session.execute(insert(_TRIALS), [{**row, "state": TrialState.PENDING} for row in rows])
        session.execute(insert(_MIRROR_TRIALS), [{"trial_id": row["id"]} for row in rows])


def add_held_trials(session: Session, sweep_id: str, rows: Sequence[dict[str, Any]]) -> None:
    """Write new trials of a sweep that wait for a decision before they begin."""
    new = [row | {"state": TrialState.HELD, "pack_id": None} for row in rows]
    for statement in _NEW_TRIALS, _UNMIRRORED:
        session.execute(statement, {"each": json.dumps(new)})
    events.trials_moved(session, sweep_id, ((row["id"], row["number"], row["state"], None) for row in new))


def add_queued_trials(session: Session, sweep_id: str, rows: Sequence[dict[str, Any]]) -> None:
    """Write new trials of a sweep, moved on into packs that are written: `pack_id` of each row."""
    queued = move(TrialState.PENDING, TrialState.QUEUED)
    new = [row | {"state": queued} for row in rows]
    for statement in _NEW_TRIALS, _UNMIRRORED:
        session.execute(statement, {"each": json.dumps(new)})
    events.trials_moved(session, sweep_id, ((row["id"], row["number"], queued, None) for row in rows))


def add_reused_trials(session: Session, sweep_id: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write new trials of a sweep that have the results of others, moved on to their end."""
    done, now = move(TrialState.PENDING, TrialState.SUCCEEDED), _now(session)
    ended = {"state": done, "started_at": now, "finished_at": now}
    session.execute(insert(_TRIALS), [{**row, **ended} for row in rows])
    session.execute(insert(_MIRROR_TRIALS), [{"trial_id": row["id"]} for row in rows])
    events.trials_moved(session, sweep_id, ((row["id"], row["number"], done, None) for row in rows))
    mirror.changed(session, sweep_id)


def add_packs(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write new packs, in the first of their states."""
    new = [{**row, "state": PackState.QUEUED} for row in rows]
    session.execute(_NEW_PACKS, {"each": json.dumps(new)})


# ---- one object, or some


def move_sweep(
    session: Session,
    sweep: Sweep,
    to: SweepState,
    pause_reason: str | None = None,
    ended_by: dict[str, Any] | None = None,
) -> None:
    """Move a sweep; its time of finishing comes and goes with a final state.

    `pause_reason` is why the service pauses it; every other move, a user's pause too, clears the reason.
    `ended_by` is the rule that ends it early, and why; that stays until the sweep is active again.
    """
    new = move(SweepState(sweep.state), to)
    sweep.ended_by = ended_by or (None if new == SweepState.ACTIVE else sweep.ended_by)
    finished_at = _now(session) if new in SWEEP_FINAL else None
    if new == SweepState.DELETING:
        finished_at = sweep.finished_at
    sweep.state, sweep.finished_at, sweep.events_forgotten = new, finished_at, False
    sweep.pause_reason = pause_reason
    session.flush()
    events.sweep_moved(session, sweep)
    mirror.changed(session, sweep.id)


def move_trials(
    session: Session, sweep_id: str, moved: Collection[tuple[Trial, TrialState]], pack_id: str | None = None
) -> None:
    """Move trials of one sweep, each to a state of its own; queued ones go into the pack `pack_id`."""
    checked = [(trial, move(TrialState(trial.state), to)) for trial, to in moved]
    now = _now(session) if any(to in TRIAL_FINAL for _, to in checked) else None
    for trial, to in checked:
        trial.state = to
        trial.pack_id = pack_id if to in TRIAL_PACKED else None
        trial.finished_at = now if to in TRIAL_FINAL else None
        trial.cancel = False
    session.flush()
    events.trials_moved(
        session, sweep_id, ((trial.id, trial.number, trial.state, trial.failure) for trial, _ in checked)
    )
    if any(trial.started_at is not None for trial, _ in checked):  # MLflow shows a trial once it has run
        mirror.changed(session, sweep_id)


def move_pack(session: Session, pack: Pack, to: PackState, outcome: str) -> None:
    """Move a pack to its end, and keep why."""
    new, closed_at = move(PackState(pack.state), to), _now(session)
    pack.state, pack.closed_at, pack.outcome = new, closed_at, outcome
    session.flush()


# ---- the rows that a condition finds


def move_trials_where(
    session: Session,
    sweep_id: str,
    old: TrialState,
    new: TrialState,
    *where: ColumnElement[bool],
    **values: Any,
) -> int:
    """Move all trials of a sweep that are in one state and meet the conditions; returns how many.

    `values` are columns that change with the state.
    """
    values |= {"state": move(old, new), "cancel": False}
    values["finished_at"] = db_now() if new in TRIAL_FINAL else None
    if new not in TRIAL_PACKED:
        values["pack_id"] = None
    rows = session.execute(
        update(_TRIALS)
        .where(_TRIALS.c.sweep_id == sweep_id, _TRIALS.c.state == old, *where)
        .values(values)
        .returning(*(_TRIALS.c[name] for name in ("id", "number", "state", "failure", "started_at")))
    ).all()
    if rows and old in TRIAL_FINAL:
        session.execute(_RETRIED, {"sweep": sweep_id})
    events.trials_moved(session, sweep_id, (row[:4] for row in rows))
    if any(row.started_at is not None for row in rows):
        mirror.changed(session, sweep_id)
    return len(rows)


def move_packs_where(
    session: Session, old: PackState, new: PackState, *where: ColumnElement[bool], **values: Any
) -> int:
    """Move all packs that are in one state and meet the conditions; returns how many."""
    values["state"] = move(old, new)
    if new in PACK_FINAL:
        values["closed_at"] = db_now()
    return touched(session.execute(update(_PACKS).where(_PACKS.c.state == old, *where).values(values)))


def take_pack(session: Session, pack_id: str, **lease: Any) -> Row[Any] | None:
    """Move a queued pack to running, with the columns of its lease; None if it is not queued any more.

    `lease` gives `holder` (its token), `on` (what it trains on), `claim_token`, `by` (the worker), `where`
    (the device) and `ttl` in ms. The row has the pack's own columns and the plug-ins of its sweep.
    """
    return session.execute(_TAKE, {"pack": pack_id, **lease}).one_or_none()


def take_next_pack(session: Session, device: HostDevice, plugins: str, **lease: Any) -> Row[Any] | None:
    """Move the queued pack that comes next to running, as `take_pack` does; None if there is none.

    It must be one of a sweep of which packs have been leased before.
    """
    given = {**queue_order.able(device, plugins), **lease}
    return session.execute(_TAKE_NEXT, given).one_or_none()


def start_trials(session: Session, sweep_id: str, pack_id: str) -> Sequence[Row[Any]]:
    """Move the queued trials of a pack that has just been taken to running; returns them."""
    rows = session.execute(_START, {"pack": pack_id}).all()
    events.trials_moved(session, sweep_id, ((row.id, row.number, row.state, row.failure) for row in rows))
    mirror.changed(session, sweep_id)
    return rows


def end_trials(
    session: Session, sweep_id: str, pack_id: str, trial_ids: Collection[str], new: TrialState, **values: Any
) -> int:
    """Move running trials of a pack to a final state, or to wait at a rung; returns how many.

    `values` are columns that change with the state.
    """
    assert new in TRIAL_FINAL or new == TrialState.HELD
    if new == TrialState.HELD:
        values["finished_at"] = None
    given = {"pack": pack_id, "ids": list(trial_ids), "to": move(TrialState.RUNNING, new)}
    rows = session.execute(_END.values(**values) if values else _END, given).all()
    events.trials_moved(session, sweep_id, (tuple(row) for row in rows))
    mirror.changed(session, sweep_id)
    return len(rows)


def succeed(session: Session, sweep_id: str, succeeding: Update, given: Mapping[str, Any]) -> Sequence[str]:
    """Move trials of a pack to success by a statement that `to_success` has made; returns their ids."""
    rows = session.execute(succeeding, given).all()
    events.trials_moved(session, sweep_id, (tuple(row) for row in rows))
    mirror.changed(session, sweep_id)
    return [row.id for row in rows]


def to_success(writing: Update) -> Update:
    """Have an UPDATE of running trials, which returns their ids, move them to success as well."""
    columns = (_TRIALS.c[name] for name in ("number", "state", "failure"))
    ended = _ended(move(TrialState.RUNNING, TrialState.SUCCEEDED))
    return writing.values(ended | {"failure": None}).returning(*columns)


def to_close(writing: Update) -> Update:
    """Have an UPDATE of a running pack close it as well, with the outcome `why`.

    The caller sees to it that none of its trials is left running.
    """
    return writing.values(_CLOSED)


def close_pack(session: Session, pack_id: str, outcome: str) -> bool:
    """Move a running pack to its planned end; False if trials of it are running."""
    return bool(touched(session.execute(_CLOSE, {"pack": pack_id, "why": outcome})))


# Made once: to make a statement takes as long as to execute it, and every pack needs these.
_TAKE_ANY = (
    update(_PACKS)
    .where(_PACKS.c.state == PackState.QUEUED)
    .values(
        state=move(PackState.QUEUED, PackState.RUNNING),
        token=bindparam("holder"),
        claim=bindparam("claim_token"),
        machine=bindparam("on"),
        worker=bindparam("by"),
        device=bindparam("where"),
        leased_at=db_now(),
        seen=db_now(),
        expires_at=db_now() + bindparam("ttl", type_=Integer),
    )
    .returning(*PACK_TO_TRAIN)
)
_TAKE = _TAKE_ANY.where(_PACKS.c.id == bindparam("pack"))
_BEGUN = exists().where(_SWEEPS.c.id == _PACKS.c.sweep_id, _SWEEPS.c.started_at.is_not(None))
_TAKE_NEXT = _TAKE_ANY.where(_PACKS.c.id == queue_order.FIRST_FREE, _BEGUN)


def _ended(state: object) -> dict[str, Any]:
    return {"state": state, "cancel": False, "pack_id": None, "finished_at": db_now()}


_RETRIED = update(_SWEEPS).where(_SWEEPS.c.id == bindparam("sweep")).values(retried=_SWEEPS.c.retried + 1)
_END = (
    update(_TRIALS)
    .where(_TRIALS.c.id.in_(bindparam("ids", expanding=True)))
    .where(_TRIALS.c.pack_id == bindparam("pack"), _TRIALS.c.state == TrialState.RUNNING)
    .values(_ended(bindparam("to")))
    .returning(*(_TRIALS.c[name] for name in ("id", "number", "state", "failure")))
)
_IN_PACK = exists().where(_TRIALS.c.pack_id == bindparam("pack"), _TRIALS.c.state == TrialState.RUNNING)
_CLOSED = {
    "state": move(PackState.RUNNING, PackState.CLOSED),
    "closed_at": db_now(),
    "outcome": bindparam("why"),
}
_CLOSE = (
    update(_PACKS)
    .where(_PACKS.c.id == bindparam("pack"), _PACKS.c.state == PackState.RUNNING, ~_IN_PACK)
    .values(_CLOSED)
)
_START = (
    update(_TRIALS)
    .where(_TRIALS.c.pack_id == bindparam("pack"), _TRIALS.c.state == TrialState.QUEUED)
    .values(
        state=move(TrialState.QUEUED, TrialState.RUNNING),
        cancel=False,
        finished_at=None,
        attempts=_TRIALS.c.attempts + 1,
        started_at=func.coalesce(_TRIALS.c.started_at, db_now()),
    )
    .returning(*TRIAL_TO_TRAIN, _TRIALS.c.number, _TRIALS.c.state, _TRIALS.c.failure)
)


def _now(session: Session) -> int:
    return session.execute(select(db_now())).scalar_one()
