"""Addresses in MLflow's web pages that show a sweep or a trial."""

from __future__ import annotations

from urllib.parse import quote

from services.domain.spec import Objective


def ranking_metric(objective: Objective) -> str:
    """The MLflow metric that ranks runs: `best/val_acc` for the best `val/acc`, else `val/acc` itself."""
    return "best/" + objective.metric.replace("/", "_") if objective.at == "best" else objective.metric


def sweep_link(mlflow: str, experiment_id: str, sweep_id: str, objective: Objective) -> str:
    """The table of a sweep's trials, best first: a page shows 100 runs, so the order decides what is seen."""
    query = {
        "searchFilter": f"tags.`sweep.id`='{sweep_id}' AND tags.`sweep.role`='trial'",
        "orderByKey": f"metrics.`{ranking_metric(objective)}`",
        "orderByAsc": "true" if objective.goal == "minimize" else "false",
    }
    encoded = "&".join(f"{name}={quote(value, safe='')}" for name, value in query.items())
    return f"{_experiment(mlflow, experiment_id)}/runs?{encoded}"


def trial_link(mlflow: str, experiment_id: str, run_id: str) -> str:
    """The page of one trial's run."""
    return f"{_experiment(mlflow, experiment_id)}/runs/{quote(run_id, safe='')}"


def _experiment(mlflow: str, experiment_id: str) -> str:
    return f"{mlflow.rstrip('/')}/#/experiments/{quote(experiment_id, safe='')}"
