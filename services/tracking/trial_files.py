"""The files of a sweep's best trials: weights, config and curves in their runs, figures in the sweep's."""

from __future__ import annotations

import logging
from pathlib import Path

from services.domain.plan.plan import Plan
from services.domain.spec.objective import Objective
from services.figures import best_weights
from services.settings import Settings
from services.store.mirror import MeasuredTrial
from services.store.models import Trial
from services.tracking import artifacts, logged_model, trial_run
from services.tracking.artifacts import Makers
from services.tracking.context import MirrorContext
from services.tracking.mlflow_server import MAX_UPLOAD_BYTES, MlflowRun

log = logging.getLogger(__name__)


def checkpoint_tag(settings: Settings, trial: Trial) -> dict[str, str]:
    """Name the file with the best weights, below CNNLAB_FILES, or say that there is none."""
    if trial.best_file is None:
        return {}
    there = best_weights.path(settings.files, trial.best_file)
    return {"checkpoint": trial.best_file if there else f"{trial.best_file} is missing"}


def send(
    context: MirrorContext,
    parent: MlflowRun,
    plan: Plan,
    found: MeasuredTrial,
    objective: Objective | None = None,
) -> str | None:
    """Send the files of a trial that has a run; why some could not be made, None if nothing is missing.

    With the objective, the trial is the sweep's best and becomes a model of MLflow.
    """
    trial = found.trial
    assert trial.mirror.run_id is not None, "only trials with a run have files to send"
    own = parent.beside(trial.mirror.run_id)
    path = best_weights.path(context.settings.files, trial.best_file or "")
    weights, too_large = _weights(path)
    if too_large:
        context.server.log(own.run_id, tags={artifacts.LEFT_OUT_TAG: too_large})
    makers = {**weights, **trial_run.files(trial, plan, found.curve)}
    missing = [too_large, artifacts.upload(context.server, own, makers)]
    if path:
        missing.append(_send_figures(context, parent, plan, trial, path))
    if path and objective:
        missing.append(_send_model(context, own, plan, found, objective, path))
    return "; ".join(filter(None, missing)) or None


def _weights(path: Path | None) -> tuple[Makers, str | None]:
    """The file with a trial's best weights, or why it is left out."""
    if path is None:
        return {}, None
    if (size := path.stat().st_size) > MAX_UPLOAD_BYTES:
        return {}, f"{path.name} has {size} bytes, more than {MAX_UPLOAD_BYTES}"
    content = path.read_bytes()
    return {f"checkpoint/{path.name}": lambda: content}, None


def _send_model(
    context: MirrorContext,
    own: MlflowRun,
    plan: Plan,
    found: MeasuredTrial,
    objective: Objective,
    path: Path,
) -> str | None:
    context.keep()
    reason = logged_model.send(context.server, own, plan, objective, found, path, context.writer)
    if reason:
        log.warning("trial %s is no model in MLflow: %s", found.trial.id, reason)
        context.server.log(own.run_id, tags={artifacts.LEFT_OUT_TAG: reason})
    return reason


def _send_figures(
    context: MirrorContext, parent: MlflowRun, plan: Plan, trial: Trial, path: Path
) -> str | None:
    try:
        weights = best_weights.read(path)
    except (OSError, ValueError) as error:
        log.warning("trial %s: no figures of its weights: %s", trial.id, error)
        return f"figures: {error}"
    return artifacts.upload(context.server, parent, trial_run.figures(trial, plan, weights))
