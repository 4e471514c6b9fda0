"""What the run of a trial lacks of what SQL has: one change, however it is written."""

from __future__ import annotations

from services.domain.plan.plan import Plan
from services.domain.spec.objective import Objective
from services.domain.states import TRIAL_FINAL, TrialState
from services.settings import Settings
from services.store.mirror import MeasuredTrial, TrialMark
from services.store.models import Trial
from services.tracking import trial_files, trial_run
from services.tracking.mlflow_server import MlflowRun
from services.tracking.run_change import NewRun, RunChange


def change(
    found: MeasuredTrial, plan: Plan, objective: Objective, parent: MlflowRun, settings: Settings
) -> RunChange:
    """Make the change: epochs that are not there yet, and what belongs to a new state.

    Its status is None where the run shows it already.
    """
    trial, curve, pack = found.trial, found.curve, found.pack
    there, state = trial.mirror, TrialState(trial.state)
    final = state in TRIAL_FINAL
    points = trial_run.points(curve, objective, plan.metrics, there.exported_epoch)
    tags: dict[str, str] = {}
    status = None
    if state != there.exported_state:
        points += trial_run.closing(trial, curve, plan.metrics)
        points += trial_run.standing(trial, curve, pack, objective, plan.metrics)
        tags = trial_run.tags(trial, pack)
        if final:
            tags |= trial_files.checkpoint_tag(settings, trial)
        status = trial_run.TRIAL_RUN_STATUS[state]
        if there.run_id and not final and status == shown_status(trial):
            status = None
    first = there.exported_state is None
    return RunChange(
        there.run_id or new_run(trial, plan, parent),
        points,
        trial_run.params(trial, plan) if first else {},
        tags,
        trial_run.data_set(trial, plan) if first else None,
        status,
        trial.finished_at if final else None,
    )


def new_run(trial: Trial, plan: Plan, parent: MlflowRun) -> NewRun:
    """The run that is to be made for a trial."""
    return NewRun(
        parent.experiment_id,
        trial_run.name(trial, plan),
        trial.started_at or trial.created_at,
        trial_run.identity(trial, plan, parent.run_id),
    )


def shown_status(trial: Trial) -> str | None:
    """The status that a trial's run shows; None where that is unknown."""
    state = trial.mirror.exported_state
    return trial_run.TRIAL_RUN_STATUS[TrialState(state)] if state else None


def mark(found: MeasuredTrial, run_id: str) -> TrialMark:
    """The mark that MLflow has all of a trial."""
    trial, curve = found.trial, found.curve
    epoch = curve[-1].epoch if curve else 0
    return TrialMark(trial.id, run_id, trial.mirror.exported_epoch, epoch, trial.state)
