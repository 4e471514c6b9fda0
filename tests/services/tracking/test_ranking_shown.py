"""MLflow's own order, best first: a trial that failed stands behind all others, as on the leaderboard."""

from __future__ import annotations

import math
from typing import Any

import pytest
from mlflow_stage import MakeStage, Stage

from services.domain.states import TrialState
from services.store import leaderboard
from services.tracking.links import ranking_metric

DIVERGED = {"kind": "diverged", "message": "loss is no longer finite"}


def in_mlflow(stage: Stage) -> list[int]:
    """Numbers of the trials in the order of the saved view."""
    objective = stage.spec.objective
    order = "ASC" if objective.goal == "minimize" else "DESC"
    parent = stage.parent()
    found = stage.client().search_runs(
        [parent.info.experiment_id],
        f"tags.`sweep.id` = '{stage.sweep_id}' AND tags.`sweep.role` = 'trial'",
        order_by=[f"metrics.`{ranking_metric(objective)}` {order}"],
    )
    return [int(run.data.tags["trial.number"]) for run in found]


def on_the_leaderboard(stage: Stage) -> list[int]:
    points, _ = stage.store.read(
        lambda s: leaderboard.page(s, stage.sweep_id, stage.spec.objective, limit=10)
    )
    return [point.replicates[0].number for point in points]


OBJECTIVES: list[dict[str, Any]] = [
    {"metric": "val/acc"},
    {"metric": "val/acc", "at": "last"},
    {"metric": "val/loss", "goal": "minimize"},
]


@pytest.mark.parametrize("objective", OBJECTIVES, ids=str)
def test_a_trial_that_diverged_is_last(make_stage: MakeStage, objective: dict[str, Any]) -> None:
    stage = make_stage({"objective": objective})
    values = {0: 0.13, 1: 0.135, 2: 0.1, 3: 0.548}
    if objective.get("goal") == "minimize":
        values = {number: 1 - value for number, value in values.items()}
    metric = objective["metric"]
    stage.report(
        1,
        {stage.trial_ids[number]: {metric: value, "train/loss": 1.0} for number, value in values.items()},
        {stage.trial_ids[number]: (1, value) for number, value in values.items()},
    )
    assert stage.tracker().mirror(stage.sweep_id)
    assert in_mlflow(stage)[0] == 3  # so far
    for index in range(3):
        stage.end(index, TrialState.SUCCEEDED)
    stage.end(3, TrialState.FAILED, failure=DIVERGED)
    stage.settle()
    assert stage.tracker().mirror(stage.sweep_id)
    assert in_mlflow(stage) == on_the_leaderboard(stage) == [1, 0, 2, 3]
    assert math.isnan(stage.runs()[3].data.metrics[ranking_metric(stage.spec.objective)])
    best = stage.store.read(lambda s: leaderboard.best_trials(s, stage.sweep_id, stage.spec.objective, 9))
    assert list(best) == [stage.trial_ids[number] for number in (1, 0, 2, 3)]


def test_a_trial_that_is_tried_again_ranks_again(stage: Stage) -> None:
    stage.train(1)
    stage.end(3, TrialState.FAILED, failure=DIVERGED)
    assert stage.tracker().mirror(stage.sweep_id)
    assert in_mlflow(stage)[-1] == 3
    later = stage.store.now() + 1000
    stage.change_trials(3, state=TrialState.SUCCEEDED, failure=None, attempts=2, finished_at=later)
    assert stage.tracker().mirror(stage.sweep_id)
    assert in_mlflow(stage)[0] == 3
    assert stage.runs()[3].data.metrics["best/val_acc"] == stage.trial(3).best_value
