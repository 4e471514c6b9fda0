"""Fork a trial: a new sweep whose one trial begins with the weights and the state of another one."""

from __future__ import annotations

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from services.domain.errors import StateForbids
from services.domain.plan.plan import Plan
from services.domain.retry import Failure
from services.domain.spec.spec import Spec
from services.domain.states import TRIAL_FINAL, TrialState
from services.store import clock, fork_starts, moves, sweeps, trials
from services.store.models import Checkpoint, Pack, Sweep, Trial
from services.store.trial_verbs import locked

INSTEAD = "submit a sweep with its config instead"


def fork(session: Session, trial_id: str, spec: Spec, plan: Plan, plugins: str) -> str:
    """Write the sweep of a fork, and its trial; returns the sweep's id.

    It begins with the parent's checkpoint. While the parent trains, its runner is asked for one at the end of
    the present epoch, for which the fork waits. `StateForbids` if there is nothing to begin with.
    """
    _, parent = locked(session, trial_id)
    saved = _usable(session, parent)
    waits = _gets_another(parent) and not (saved and parent.saved_epoch == parent.epoch)
    if not waits and saved is None:
        raise StateForbids(_without_start(parent))
    sweep_id = sweeps.insert(session, spec, plan, plugins)
    sweep = session.get_one(Sweep, sweep_id)
    [row] = trials.new_rows(sweep, 0, 1, 1, clock.read(session))
    place = {"width": None, "row": None, "forked_from": trial_id, "start_epoch": None}
    moves.add_trials(session, [row | place])
    if waits:
        asked = update(Pack).where(Pack.id == parent.pack_id).values(save_asked=True)
        session.execute(asked.execution_options(synchronize_session=False))
    else:
        made = session.get_one(Trial, row["id"])
        fork_starts.begin(made, parent.saved_epoch, parent.checkpoint_id, parent.saved_row)
    session.flush()
    return sweep_id


def _gets_another(parent: Trial) -> bool:
    """Whether a runner will write a checkpoint of the parent behind which some of its epochs are left."""
    return parent.state == TrialState.RUNNING and parent.epoch + 1 < parent.target_epoch


def _usable(session: Session, parent: Trial) -> Checkpoint | None:
    """The checkpoint that the parent can be forked from, if it has one."""
    if parent.checkpoint_id is None or parent.state == TrialState.SUCCEEDED:
        return None
    if _diverged(parent) and parent.saved_epoch >= parent.epoch:
        return None
    good = Checkpoint.id == parent.checkpoint_id, Checkpoint.damaged.is_(False)
    return session.scalars(select(Checkpoint).where(*good)).one_or_none()


def _diverged(parent: Trial) -> bool:
    return parent.state == TrialState.FAILED and (parent.failure or {}).get("kind") == Failure.DIVERGED


def _without_start(parent: Trial) -> str:
    """Why a trial cannot be forked, and what to do."""
    who, epochs = f"trial {parent.id} is {parent.state}", f"{parent.epoch} of {parent.target_epoch} epochs"
    if parent.state == TrialState.SUCCEEDED:
        return (
            f"{who}: it has trained all of its {parent.target_epoch} epochs, so a fork would have none left; "
            f"fork a trial before its last epoch, or {INSTEAD}"
        )
    if parent.state == TrialState.RUNNING:
        return (
            f"{who} in its last epoch, {parent.target_epoch}, and has no earlier checkpoint, so a fork would "
            f"have no epoch left; {INSTEAD}"
        )
    if not parent.epoch:
        return f"{who} and has not trained; fork it once it has, or {INSTEAD}"
    if _diverged(parent) and parent.saved_epoch >= parent.epoch and parent.checkpoint_id is not None:
        return f"{who}, and its only checkpoint is of epoch {parent.epoch}, in which it diverged; {INSTEAD}"
    if parent.state in TRIAL_FINAL:
        return (
            f"{who} after {epochs}, and its checkpoint is gone: files of trials that have ended are deleted; "
            f"`cnnlab retry {parent.id}` trains it again, or {INSTEAD}"
        )
    return f"{who} after {epochs} and has no checkpoint at present; fork it once it trains again"
