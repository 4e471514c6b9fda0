"""Moves: the only writer of the state of a sweep, a trial or a pack.

Each function checks the table in services/domain/states.py, writes the state with the columns that follow
from it, and writes the event, all in the caller's transaction. The caller holds the locks.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, cast

from sqlalchemy import ColumnElement, Table, select, update
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
from services.store import events, mirror
from services.store.clock import db_now
from services.store.models import Pack, Sweep, Trial
from services.store.session import touched

_TRIALS, _PACKS = cast(Table, Trial.__table__), cast(Table, Pack.__table__)  # an UPDATE of these costs least

# ---- new rows


def add_sweep(session: Session, sweep: Sweep) -> None:
    """Write a new sweep, in the first of its states."""
    sweep.state = SweepState.ACTIVE
    session.add(sweep)
    session.flush()
    events.sweep_moved(session, sweep)
    mirror.changed(session, sweep.id)


def add_trials(session: Session, trials: Sequence[Trial], pack: Pack | None = None) -> None:
    """Write new trials of a sweep, in the first of their states, or moved on into a pack that is written.

    A trial's first event is that of its first move.
    """
    for trial in trials:
        trial.state = move(TrialState.PENDING, TrialState.QUEUED) if pack else TrialState.PENDING
        trial.pack_id = pack.id if pack else None
    session.add_all(trials)
    session.flush()
    if pack:
        events.trials_moved(session, pack.sweep_id, ((t.id, t.number, t.state, None) for t in trials))


def add_pack(session: Session, pack: Pack) -> None:
    """Write a new pack, in the first of its states."""
    pack.state = PackState.QUEUED
    session.add(pack)
    session.flush()


# ---- one object, or some


def move_sweep(session: Session, sweep: Sweep, to: SweepState, pause_reason: str | None = None) -> None:
    """Move a sweep; its time of finishing comes and goes with a final state.

    `pause_reason` is why the service pauses it; every other move, a user's pause too, clears the reason.
    """
    new = move(SweepState(sweep.state), to)
    finished_at = _now(session) if new in SWEEP_FINAL else None
    sweep.state, sweep.finished_at, sweep.events_forgotten = new, finished_at, False
    sweep.pause_reason = pause_reason
    session.flush()
    events.sweep_moved(session, sweep)
    mirror.changed(session, sweep.id)


def move_trials(
    session: Session, sweep_id: str, moved: Collection[tuple[Trial, TrialState]], pack: Pack | None = None
) -> None:
    """Move trials of one sweep, each to a state of its own; `pack` is the one that queued trials go into."""
    checked = [(trial, move(TrialState(trial.state), to)) for trial, to in moved]
    now = _now(session) if any(to in TRIAL_FINAL for _, to in checked) else None
    for trial, to in checked:
        trial.state = to
        trial.pack_id = pack.id if pack and to in TRIAL_PACKED else None
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


def take_pack(session: Session, pack_id: str, **values: Any) -> Pack | None:
    """Move a queued pack to running, with the columns of its lease; None if it is not queued any more."""
    values["state"] = move(PackState.QUEUED, PackState.RUNNING)
    return session.scalars(
        update(Pack)
        .where(Pack.id == pack_id, Pack.state == PackState.QUEUED)
        .values(values)
        .returning(Pack)
        .execution_options(synchronize_session=False, populate_existing=True)
    ).one_or_none()


def _now(session: Session) -> int:
    return session.execute(select(db_now())).scalar_one()
