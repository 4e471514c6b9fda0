"""Links to MLflow's pages of a sweep or a trial."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from urllib.parse import quote

from services.domain.spec.objective import MetricFacts, Objective

MAX_QUOTED_KEPT = 4096
POINT_ENDED_TAG = "trial.point_ended"  # "true" once each trial of its point has ended and is there


def ranking_metric(objective: Objective) -> str:
    """The MLflow metric that ranks runs: `best/val_acc` or `last/val_acc`; NaN for a trial that failed."""
    part, name = objective.measured
    return f"{objective.at}/{part}_{name}"


def error_metric(objective: Objective, metrics: Sequence[MetricFacts]) -> str | None:
    """The metric that the bar chart shows: the errors in percent, at the best or the last epoch.

    Bars start at 0 and have two decimals, so 0.9312 and 0.9287 look alike where 6.88 and 7.13 do not. None
    if the objective is not one of these metrics, or its metric has no share of errors.
    """
    part, name = objective.measured
    error = next((metric.error for metric in metrics if metric.name == name), "")
    return f"{objective.at}/{part}_{error}_percent" if error else None


def sweep_link(mlflow: str, experiment_id: str, sweep_id: str, objective: Objective) -> str:
    """The table of a sweep's trials, best first: a page shows only the first 100."""
    query = {
        "searchFilter": trials_filter(sweep_id),
        "orderByKey": f"metrics.`{ranking_metric(objective)}`",
        "orderByAsc": "true" if objective.goal == "minimize" else "false",
    }
    return _page(mlflow, experiment_id, "runs", query)


def saved_view_link(mlflow: str, experiment_id: str, sweep_id: str) -> str:
    """The sweep's saved view: its trials with charts, the best first."""
    return _view(mlflow, experiment_id, view_key(sweep_id))


def means_view_link(mlflow: str, experiment_id: str, sweep_id: str) -> str:
    """The saved view of means over seeds; only sweeps with several seeds have one."""
    return _view(mlflow, experiment_id, means_key(sweep_id))


def view_key(sweep_id: str) -> str:
    """The name under which MLflow keeps the sweep's saved view."""
    return f"sweep-{sweep_id}"


def means_key(sweep_id: str) -> str:
    """The name under which MLflow keeps the view of means over seeds."""
    return f"sweep-{sweep_id}-means"


def trials_filter(sweep_id: str) -> str:
    """The MLflow search filter that matches exactly the sweep's trials."""
    return f"tags.`sweep.id`='{sweep_id}' AND tags.`sweep.role`='trial'"


def means_filter(sweep_id: str) -> str:
    """The filter that leaves out trials of points of which a trial has not ended or is not there yet."""
    return f"{trials_filter(sweep_id)} AND tags.`{POINT_ENDED_TAG}`='true'"


def trial_link(mlflow: str, experiment_id: str, run_id: str) -> str:
    """The page of one trial's run."""
    return _page(mlflow, experiment_id, f"runs/{_quoted(run_id)}", {})


def _view(mlflow: str, experiment_id: str, key: str) -> str:
    return _page(mlflow, experiment_id, "runs", {"compareRunsMode": "CHART", "viewStateShareKey": key})


@lru_cache(maxsize=MAX_QUOTED_KEPT)  # a page of a thousand trials has three thousand, few of them different
def _quoted(text: str) -> str:
    return quote(text, safe="")


def _page(mlflow: str, experiment_id: str, page: str, query: Mapping[str, str]) -> str:
    """A page of an experiment; without workflowType MLflow shows runs as evaluations of language models."""
    pairs = {**query, "workflowType": "machine_learning"}
    encoded = "&".join(f"{name}={_quoted(value)}" for name, value in pairs.items())
    return f"{mlflow.rstrip('/')}/#/experiments/{_quoted(experiment_id)}/{page}?{encoded}"
