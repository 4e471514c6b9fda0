"""What a user can do to one trial: cancel and retry. Locks are taken as everywhere: sweep, pack, trial."""

from __future__ import annotations

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from services.domain.errors import StateForbids
from services.domain.states import SWEEP_FINAL, TRIAL_FINAL, SweepState, TrialState, move
from services.store import events, packs, trials
from services.store.clock import db_now
from services.store.models import Checkpoint, Pack, Sweep, Trial
from services.store.sweep_verbs import reopen, try_again
from services.store.sweeps import lock

RETRIABLE = (SweepState.ACTIVE, SweepState.STOPPING, *(s for s in SweepState if s in SWEEP_FINAL))


def cancel(session: Session, trial_id: str) -> Trial:
    """End one trial: one that waits ends here, one that runs when its epoch does."""
    sweep, trial = _locked(session, trial_id)
    if trial.state == TrialState.CANCELLED:
        return trial
    if trial.state in TRIAL_FINAL:
        raise StateForbids(
            f"trial {trial_id} is {trial.state}; only a pending, queued or running trial can be cancelled"
        )
    if trial.state == TrialState.RUNNING:
        trial.cancel = True
        session.flush()
        return trial
    pack_id, trial.pack_id = trial.pack_id, None
    trial.state = move(TrialState(trial.state), TrialState.CANCELLED)
    trial.finished_at = session.execute(select(db_now())).scalar_one()
    session.flush()
    events.trials_moved(session, sweep.id, [trial])
    if pack_id and not session.execute(select(exists().where(Trial.pack_id == pack_id))).scalar_one():
        packs.withdraw(session, session.get_one(Pack, pack_id), "its last trial was cancelled")
    return trial


def retry(session: Session, trial_id: str) -> Trial:
    """Try a failed or cancelled trial again; a sweep that was over runs this trial and draws no other."""
    sweep, trial = _locked(session, trial_id)
    if trial.state in (TrialState.PENDING, TrialState.QUEUED, TrialState.RUNNING):
        if trial.cancel:
            raise StateForbids(
                f"trial {trial_id} is running and about to be cancelled; "
                "only a failed or cancelled trial can be retried: wait until it is"
            )
        return trial
    if trial.state not in (TrialState.FAILED, TrialState.CANCELLED):
        raise StateForbids(
            f"trial {trial_id} is {trial.state}; only a failed or cancelled trial can be retried"
        )
    if sweep.state not in RETRIABLE:
        remedy = "resume it first" if sweep.state == SweepState.PAUSED else "wait until it is over"
        raise StateForbids(
            f"trial {trial_id} belongs to sweep {sweep.id}, which is {sweep.state}; {remedy}: a trial can be "
            f"retried while its sweep is {', '.join(RETRIABLE[:-1])} or {RETRIABLE[-1]}"
        )
    if sweep.state in SWEEP_FINAL:
        undrawn = sweep.next_number < sweep.total
        reopen(session, sweep, SweepState.STOPPING if undrawn else SweepState.ACTIVE)
    try_again(session, sweep, [trial])
    return trial


def _locked(session: Session, trial_id: str) -> tuple[Sweep, Trial]:
    """The trial as it stands once nobody else can move it, and its sweep."""
    sweep = lock(session, trials.get(session, trial_id).sweep_id)
    # A trial leaves a pack behind the pack's lock, and enters one behind the sweep's.
    trial = _fresh(session, trial_id)
    if trial.pack_id:
        session.execute(select(Pack.id).where(Pack.id == trial.pack_id).with_for_update())
        trial = _fresh(session, trial_id)
    if trial.checkpoint_id:
        session.execute(select(Checkpoint.id).where(Checkpoint.id == trial.checkpoint_id).with_for_update())
    query = select(Trial).where(Trial.id == trial_id).with_for_update()
    return sweep, session.scalars(query.execution_options(populate_existing=True)).one()


def _fresh(session: Session, trial_id: str) -> Trial:
    query = select(Trial).where(Trial.id == trial_id).execution_options(populate_existing=True)
    return session.scalars(query).one()
