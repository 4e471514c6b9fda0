"""What a user can do to a sweep: pause, resume, stop, cancel, retry.

Each verb locks the sweep, then packs, then trials. Called a second time it finds nothing left to do.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, case, exists, false, func, null, or_, select
from sqlalchemy.orm import Session

from services.domain.errors import StateForbids
from services.domain.retry import Failure
from services.domain.states import (
    SWEEP_CANCELLABLE,
    SWEEP_FINAL,
    SWEEP_RETRIABLE,
    SWEEP_STOPPABLE,
    TRIAL_WAITING,
    TRIAL_WITHOUT_RESULT,
    PackState,
    SweepState,
    TrialState,
    in_order,
)
from services.store import checkpoints, fruitless, mirror, moves
from services.store.models import Checkpoint, Pack, Sweep, Trial
from services.store.sweeps import lock


def pause(session: Session, sweep_id: str) -> Sweep:
    """Free the devices: queued packs are withdrawn at once, running ones end at the next heartbeat."""
    sweep = lock(session, sweep_id)
    if sweep.state == SweepState.PAUSED:
        return sweep
    _demand(sweep, frozenset({SweepState.ACTIVE}), "paused")
    moves.move_sweep(session, sweep, SweepState.PAUSED)
    _withdraw(session, sweep, "the sweep was paused")
    moves.move_trials_where(session, sweep.id, TrialState.QUEUED, TrialState.PENDING)
    return sweep


def resume(session: Session, sweep_id: str) -> Sweep:
    """Continue a paused sweep from its checkpoints."""
    sweep = lock(session, sweep_id)
    if sweep.state == SweepState.ACTIVE:
        return sweep
    _demand(sweep, frozenset({SweepState.PAUSED}), "resumed")
    moves.move_sweep(session, sweep, SweepState.ACTIVE)
    fruitless.forgive(session, sweep.id)
    return sweep


def stop(session: Session, sweep_id: str) -> Sweep:
    """Finish what has begun and start nothing else."""
    sweep = lock(session, sweep_id)
    if sweep.state == SweepState.STOPPING:
        return sweep
    _demand(sweep, SWEEP_STOPPABLE, "stopped")
    moves.move_sweep(session, sweep, SweepState.STOPPING)
    # Locked, so that a worker that takes one just now comes before or after.
    queued = select(Pack.id).where(Pack.sweep_id == sweep.id, Pack.state == PackState.QUEUED)
    session.execute(queued.order_by(Pack.id).with_for_update())
    unbegun = Trial.started_at.is_(None)
    for state in in_order(TRIAL_WAITING):
        moves.move_trials_where(session, sweep.id, state, TrialState.CANCELLED, unbegun)
    _withdraw(session, sweep, "the sweep was stopped", ~exists().where(Trial.pack_id == Pack.id))
    return sweep


def cancel(session: Session, sweep_id: str) -> Sweep:
    """Cancel what waits at once, and what runs at its worker's next heartbeat."""
    sweep = lock(session, sweep_id)
    if sweep.state in (SweepState.CANCELLING, SweepState.CANCELLED):
        return sweep
    _demand(sweep, SWEEP_CANCELLABLE, "cancelled")
    moves.move_sweep(session, sweep, SweepState.CANCELLING)
    _withdraw(session, sweep, "the sweep was cancelled")
    for state in in_order(TRIAL_WAITING):
        moves.move_trials_where(session, sweep.id, state, TrialState.CANCELLED)
    return sweep


def retry(session: Session, sweep_id: str) -> Sweep:
    """Run failed and cancelled trials again, and draw those that were never drawn; counters stay."""
    sweep = lock(session, sweep_id)
    _demand(sweep, SWEEP_RETRIABLE, "retried")
    retriable = Trial.sweep_id == sweep.id, Trial.state.in_(TRIAL_WITHOUT_RESULT)
    files = [select(column).where(*retriable) for column in (Trial.checkpoint_id, Trial.start_checkpoint_id)]
    needed = or_(*(Checkpoint.id.in_(each) for each in files))
    session.execute(select(Checkpoint.id).where(needed).order_by(Checkpoint.id).with_for_update())
    if sweep.state in SWEEP_FINAL:
        again = session.execute(select(exists().where(*retriable))).scalar_one()
        if not again and sweep.next_number >= sweep.total:
            raise StateForbids(
                f"sweep {sweep.id} is {sweep.state} and each of its {sweep.total} trials has a result: "
                "there is nothing to retry"
            )
        moves.move_sweep(session, sweep, SweepState.ACTIVE)
    try_again(session, sweep)
    return sweep


def try_again(
    session: Session,
    sweep: Sweep,
    *only: ColumnElement[bool],
    states: frozenset[TrialState] = TRIAL_WITHOUT_RESULT,
) -> None:
    """Send failed and cancelled trials back to pending; the caller holds the sweep and their checkpoints.

    A trial that a rule had stopped trains to its end without another rung.

    They go on from their checkpoints, unless that is where they failed: a trial that diverged, or whose
    checkpoint is of its last epoch, starts again from epoch 0. Epochs that it has reported stay one row each.
    A fork starts again with the weights that it was forked with; `StateForbids` if these are gone.
    """
    diverged = func.coalesce(Trial.failure["kind"].as_string() == Failure.DIVERGED, false())
    afresh = or_(diverged, Trial.saved_epoch >= Trial.target_epoch)
    at_start = checkpoints.back_at_start()
    place = {name: case((afresh, value), else_=getattr(Trial, name)) for name, value in at_start.items()}
    of_them = Trial.sweep_id == sweep.id, Trial.state.in_(sorted(states)), *only
    _demand_starts(session, *of_them, Checkpoint.id == place["checkpoint_id"])
    values = {
        **place,
        "until_epoch": case((Trial.stopped.is_not(None), Trial.target_epoch), else_=Trial.until_epoch),
        "failure": null(),
        "stopped": null(),
        "not_before": 0,
        "fruitless": 0,
    }
    for state in in_order(states):
        moves.move_trials_where(session, sweep.id, state, TrialState.PENDING, *only, **values)
    mirror.retried(session, sweep.id)


def _demand_starts(session: Session, *where: ColumnElement[bool]) -> None:
    """Raise `StateForbids` if the file that a fork has to begin with is gone."""
    gone = select(Trial.id, Trial.forked_from, Trial.start_epoch).where(
        *where, Checkpoint.id == Trial.start_checkpoint_id, Checkpoint.damaged.is_(True)
    )
    for trial, parent, epoch in session.execute(gone.limit(1)):
        raise StateForbids(
            f"trial {trial} was forked from trial {parent} at epoch {epoch}, and the checkpoint of that is "
            f"gone; fork {parent} again, or submit a sweep"
        )


def set_priority(session: Session, sweep_id: str, priority: int) -> Sweep:
    """Serve a sweep before those of a lower priority, from the next free place on."""
    sweep = lock(session, sweep_id)
    _demand(sweep, frozenset(set(SweepState) - SWEEP_FINAL), "given a priority")
    sweep.priority = priority
    session.flush()
    return sweep


def _demand(sweep: Sweep, legal: frozenset[SweepState], done: str) -> None:
    """Raise `StateForbids` unless the sweep is in one of the states from which this can be done."""
    if sweep.state not in legal:
        names = [state.value for state in in_order(legal)]
        article = "an" if names[0][0] in "aeiou" else "a"
        choice = " or ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
        raise StateForbids(f"sweep {sweep.id} is {sweep.state}; only {article} {choice} sweep can be {done}")


def _withdraw(session: Session, sweep: Sweep, why: str, *only: ColumnElement[bool]) -> None:
    """Take the sweep's queued packs back; a worker that is taking one just now keeps it."""
    mine = Pack.sweep_id == sweep.id, *only
    moves.move_packs_where(session, PackState.QUEUED, PackState.WITHDRAWN, *mine, outcome=why)
