"""What a user can do to one trial: cancel and retry. Locks are taken as everywhere: sweep, pack, trial."""

from __future__ import annotations

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from services.domain.errors import StateForbids
from services.domain.states import (
    SWEEP_FINAL,
    SWEEP_OF_RETRIABLE_TRIAL,
    TRIAL_FINAL,
    TRIAL_RETRIABLE,
    TRIAL_UNFINISHED,
    SweepState,
    TrialState,
    in_order,
)
from services.store import moves, packs, trials
from services.store.models import Checkpoint, Pack, Sweep, Trial
from services.store.sweep_verbs import try_again
from services.store.sweeps import lock


def cancel(session: Session, trial_id: str) -> Trial:
    """End one trial: a running one at the end of its epoch, one that waits at once."""
    sweep, trial = locked(session, trial_id)
    if trial.state == TrialState.CANCELLED:
        return trial
    if trial.state in TRIAL_FINAL:
        raise StateForbids(
            f"trial {trial_id} is {trial.state}; "
            "only a pending, queued, running or held trial can be cancelled"
        )
    if trial.state == TrialState.RUNNING:
        trial.cancel = True
        session.flush()
        return trial
    pack_id = trial.pack_id
    moves.move_trials(session, sweep.id, [(trial, TrialState.CANCELLED)])
    if pack_id and not session.execute(select(exists().where(Trial.pack_id == pack_id))).scalar_one():
        packs.withdraw(session, session.get_one(Pack, pack_id), "its last trial was cancelled")
    return trial


def retry(session: Session, trial_id: str) -> Trial:
    """Run a failed, cancelled or pruned trial again; a sweep that has ended draws no other."""
    sweep, trial = locked(session, trial_id)
    if trial.state in TRIAL_UNFINISHED:
        if trial.cancel:
            raise StateForbids(
                f"trial {trial_id} is running and about to be cancelled; "
                "only a failed, cancelled or pruned trial can be retried: wait until it is cancelled"
            )
        return trial
    if trial.state not in TRIAL_RETRIABLE:
        raise StateForbids(
            f"trial {trial_id} is {trial.state}; only a failed, cancelled or pruned trial can be retried"
        )
    if sweep.state not in SWEEP_OF_RETRIABLE_TRIAL:
        *names, last = in_order(SWEEP_OF_RETRIABLE_TRIAL)
        remedy = "resume it first" if sweep.state == SweepState.PAUSED else "wait until it is over"
        raise StateForbids(
            f"trial {trial_id} belongs to sweep {sweep.id}, which is {sweep.state}; {remedy}: a trial can be "
            f"retried while its sweep is {', '.join(names)} or {last}"
        )
    if sweep.state in SWEEP_FINAL:
        undrawn = sweep.next_number < sweep.total
        moves.move_sweep(session, sweep, SweepState.STOPPING if undrawn else SweepState.ACTIVE)
    try_again(session, sweep, Trial.id == trial_id, states=TRIAL_RETRIABLE)
    session.refresh(trial)
    return trial


def locked(session: Session, trial_id: str) -> tuple[Sweep, Trial]:
    """Lock a trial and its sweep, so that nobody else can move them, and read both."""
    sweep = lock(session, trials.get(session, trial_id).sweep_id)
    # A trial leaves a pack behind the pack's lock, and enters one behind the sweep's.
    trial = _fresh(session, trial_id)
    if trial.pack_id:
        session.execute(select(Pack.id).where(Pack.id == trial.pack_id).with_for_update())
        trial = _fresh(session, trial_id)
    files = {file for file in (trial.checkpoint_id, trial.start_checkpoint_id) if file}
    if files:
        session.execute(
            select(Checkpoint.id).where(Checkpoint.id.in_(files)).order_by(Checkpoint.id).with_for_update()
        )
    query = select(Trial).where(Trial.id == trial_id).with_for_update()
    return sweep, session.scalars(query.execution_options(populate_existing=True)).one()


def _fresh(session: Session, trial_id: str) -> Trial:
    query = select(Trial).where(Trial.id == trial_id).execution_options(populate_existing=True)
    return session.scalars(query).one()
