"""What a user can do to a sweep: pause, resume, stop, cancel, retry.

Each verb locks the sweep, then packs, then trials. Asked again it finds what it asked for and does nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import ColumnElement, exists, select, update
from sqlalchemy.orm import Session

from services.domain.errors import StateForbids
from services.domain.states import SWEEP_FINAL, PackState, SweepState, TrialState, move
from services.store import events
from services.store.clock import db_now
from services.store.models import Checkpoint, Pack, Sweep, Trial
from services.store.sweeps import lock

LOST = (TrialState.FAILED, TrialState.CANCELLED)


def pause(session: Session, sweep_id: str) -> Sweep:
    """Give devices back: queued packs are withdrawn here, running ones end at the next heartbeat."""
    sweep = lock(session, sweep_id)
    if sweep.state == SweepState.PAUSED:
        return sweep
    _demand(sweep, {SweepState.ACTIVE}, "paused")
    _go(session, sweep, SweepState.PAUSED)
    _withdraw(session, sweep, "the sweep was paused")
    _move(session, sweep, TrialState.QUEUED, TrialState.PENDING)
    return sweep


def resume(session: Session, sweep_id: str) -> Sweep:
    """Let a paused sweep go on where its checkpoints are."""
    sweep = lock(session, sweep_id)
    if sweep.state == SweepState.ACTIVE:
        return sweep
    _demand(sweep, {SweepState.PAUSED}, "resumed")
    _go(session, sweep, SweepState.ACTIVE)
    return sweep


def stop(session: Session, sweep_id: str) -> Sweep:
    """Finish what has begun and start nothing else."""
    sweep = lock(session, sweep_id)
    if sweep.state == SweepState.STOPPING:
        return sweep
    _demand(sweep, {SweepState.ACTIVE, SweepState.PAUSED}, "stopped")
    _go(session, sweep, SweepState.STOPPING)
    # Locked, so that a worker that takes one just now comes before or after.
    queued = select(Pack.id).where(Pack.sweep_id == sweep.id, Pack.state == PackState.QUEUED)
    session.execute(queued.order_by(Pack.id).with_for_update())
    unbegun = Trial.started_at.is_(None)
    for state in (TrialState.PENDING, TrialState.QUEUED):
        _move(session, sweep, state, TrialState.CANCELLED, unbegun)
    _withdraw(session, sweep, "the sweep was stopped", ~exists().where(Trial.pack_id == Pack.id))
    return sweep


def cancel(session: Session, sweep_id: str) -> Sweep:
    """Ask for the end: what waits is cancelled here, what runs at its worker's next heartbeat."""
    sweep = lock(session, sweep_id)
    if sweep.state in (SweepState.CANCELLING, SweepState.CANCELLED):
        return sweep
    _demand(sweep, {SweepState.ACTIVE, SweepState.PAUSED, SweepState.STOPPING}, "cancelled")
    _go(session, sweep, SweepState.CANCELLING)
    _withdraw(session, sweep, "the sweep was cancelled")
    for state in (TrialState.PENDING, TrialState.QUEUED):
        _move(session, sweep, state, TrialState.CANCELLED)
    return sweep


def retry(session: Session, sweep_id: str) -> Sweep:
    """Try again what failed or was cancelled, and run what was never drawn; counters stay."""
    sweep = lock(session, sweep_id)
    _demand(sweep, {SweepState.ACTIVE, *SWEEP_FINAL}, "retried")
    lost = Trial.sweep_id == sweep.id, Trial.state.in_(LOST)
    files = select(Trial.checkpoint_id).where(*lost, Trial.checkpoint_id.is_not(None))
    session.execute(
        select(Checkpoint.id).where(Checkpoint.id.in_(files)).order_by(Checkpoint.id).with_for_update()
    )
    query = select(Trial).where(*lost).order_by(Trial.id).with_for_update()
    again = session.scalars(query.execution_options(populate_existing=True)).all()
    if sweep.state in SWEEP_FINAL:
        if not again and sweep.next_number >= sweep.total:
            raise StateForbids(
                f"sweep {sweep.id} is {sweep.state} and each of its {sweep.total} trials has a result: "
                "nothing is left to be retried"
            )
        reopen(session, sweep, SweepState.ACTIVE)
    try_again(session, sweep, again)
    return sweep


def reopen(session: Session, sweep: Sweep, state: SweepState) -> None:
    """Have a sweep that was over go on."""
    _go(session, sweep, state)
    sweep.finished_at = None


def try_again(session: Session, sweep: Sweep, again: Sequence[Trial]) -> None:
    """Send trials back to pending; the caller holds the sweep, their checkpoints and them.

    They go on from their checkpoints, unless that is where they failed: one that diverged, or whose
    checkpoint is of its last epoch, starts anew. Epochs that it has reported are reported once.
    """
    for trial in again:
        trial.state = move(TrialState(trial.state), TrialState.PENDING)
        anew = (trial.failure or {}).get("kind") == "diverged" or trial.saved_epoch >= trial.target_epoch
        if anew:
            trial.checkpoint_id, trial.saved_epoch = None, 0
        trial.failure, trial.finished_at, trial.not_before, trial.cancel = None, None, 0, False
    session.flush()
    events.trials_moved(session, sweep.id, again)


def _demand(sweep: Sweep, legal: Collection[SweepState], done: str) -> None:
    """Raise `StateForbids` unless the sweep is in one of the states from which this can be done."""
    if sweep.state not in legal:
        names = [state.value for state in SweepState if state in legal]
        article = "an" if names[0][0] in "aeiou" else "a"
        choice = " or ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
        raise StateForbids(f"sweep {sweep.id} is {sweep.state}; only {article} {choice} sweep can be {done}")


def _go(session: Session, sweep: Sweep, state: SweepState) -> None:
    sweep.state = move(SweepState(sweep.state), state)
    session.flush()
    events.sweep_moved(session, sweep)


def _withdraw(session: Session, sweep: Sweep, why: str, *only: ColumnElement[bool]) -> None:
    """Take the sweep's queued packs back; a worker that is taking one just now keeps it."""
    session.execute(
        update(Pack)
        .where(Pack.sweep_id == sweep.id, Pack.state == PackState.QUEUED, *only)
        .values(state=PackState.WITHDRAWN, closed_at=db_now(), outcome=why)
        .execution_options(synchronize_session=False)
    )


def _move(
    session: Session, sweep: Sweep, old: TrialState, new: TrialState, *only: ColumnElement[bool]
) -> None:
    """Move the sweep's trials from one state to another, out of their packs."""
    ended = db_now() if new == TrialState.CANCELLED else None
    moved = session.execute(
        update(Trial)
        .where(Trial.sweep_id == sweep.id, Trial.state == old, *only)
        .values(state=move(old, new), pack_id=None, finished_at=ended)
        .returning(Trial.id, Trial.number)
        .execution_options(synchronize_session=False)
    )
    events.trials_went(session, sweep.id, moved, new)
