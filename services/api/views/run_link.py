"""The address of a trial's run in MLflow's web pages."""

from __future__ import annotations

from services.settings import Settings
from services.tracking import links


def run_link(settings: Settings, experiment_id: str | None, run_id: str | None) -> str | None:
    """The run's address; None until the trial has been exported, or without a configured MLflow."""
    mlflow = settings.link_to_mlflow()
    if not (mlflow and experiment_id and run_id):
        return None
    return links.trial_link(mlflow, experiment_id, run_id)
