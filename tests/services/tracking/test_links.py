"""Links into MLflow's pages: the filter, the order, and nothing that a browser would misread."""

from __future__ import annotations

from urllib.parse import parse_qs

import pytest

from services.domain.spec.objective import MetricFacts, Objective
from services.tracking.links import (
    error_metric,
    means_view_link,
    ranking_metric,
    saved_view_link,
    sweep_link,
    trial_link,
)


@pytest.mark.parametrize(
    ("objective", "key", "ascending"),
    [
        (Objective(), "metrics.`best/val_acc`", "false"),
        (Objective(metric="val/loss", goal="minimize"), "metrics.`best/val_loss`", "true"),
        (Objective(metric="train/acc", at="last"), "metrics.`last/train_acc`", "false"),
    ],
)
def test_a_sweep_link_shows_its_trials_best_first(objective: Objective, key: str, ascending: str) -> None:
    link = sweep_link("http://mlflow:5500/", "12", "ab12", objective)
    address, query = link.split("?")
    assert address == "http://mlflow:5500/#/experiments/12/runs"
    assert parse_qs(query) == {
        "searchFilter": ["tags.`sweep.id`='ab12' AND tags.`sweep.role`='trial'"],
        "orderByKey": [key],
        "orderByAsc": [ascending],
        "workflowType": ["machine_learning"],
    }
    assert not set(query) & set(" '`/<>\"")
    assert key == f"metrics.`{ranking_metric(objective)}`"


def test_a_trial_link_shows_its_run() -> None:
    link = trial_link("http://mlflow:5500", "12", "f00")
    assert link == "http://mlflow:5500/#/experiments/12/runs/f00?workflowType=machine_learning"


def test_a_saved_view_opens_charts_under_a_key_of_the_sweeps_own() -> None:
    links = [make("http://mlflow:5500/", "12", "ab12") for make in (saved_view_link, means_view_link)]
    for link, key in zip(links, ("sweep-ab12", "sweep-ab12-means"), strict=True):
        address, query = link.split("?")
        assert address == "http://mlflow:5500/#/experiments/12/runs"
        assert parse_qs(query) == {
            "compareRunsMode": ["CHART"],
            "workflowType": ["machine_learning"],
            "viewStateShareKey": [key],
        }


def test_only_an_accuracy_has_a_share_of_errors() -> None:
    measured = [
        MetricFacts(name="acc", goal="maximize", label="accuracy", error="error"),
        MetricFacts(name="top5-acc", goal="maximize", label="top-5 accuracy", error="top5_error"),
        MetricFacts(name="macro-f1", goal="maximize", label="macro F1"),
    ]
    assert error_metric(Objective(), measured) == "best/val_error_percent"
    assert error_metric(Objective(metric="val/loss"), measured) is None
    assert error_metric(Objective(at="last", metric="train/acc"), measured) == "last/train_error_percent"
    assert error_metric(Objective(metric="val/top5-acc"), measured) == "best/val_top5_error_percent"
    assert error_metric(Objective(metric="val/macro-f1"), measured) is None
    assert error_metric(Objective(), []) is None
