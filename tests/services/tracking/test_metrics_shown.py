"""What MLflow shows of metrics: names, labels and shares of errors come from the metrics' entries."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from drawn_figures import all_of, parsed, texts
from paper_catalog import paper_plan, paper_spec

from services.domain.json_numbers import Metrics
from services.domain.plan.plan import Plan
from services.domain.spec.objective import LOSS, MetricFacts
from services.domain.spec.spec import Spec
from services.domain.states import TrialState
from services.figures.learning_curve import learning_curve
from services.store.models import Report, Trial
from services.tracking import saved_view, trial_run

ERROR = MetricFacts(name="mae", goal="minimize", label="mean absolute error")
CURVE: list[Metrics] = [
    {"train/acc": 0.75, "val/acc": 0.5, "train/balanced-acc": 0.5, "val/balanced-acc": 0.25, "val/loss": 1.0},
    {"train/acc": 1.0, "val/acc": 0.25, "train/balanced-acc": 0.75, "val/balanced-acc": 0.5, "val/loss": 2.0},
]


def sweep(**changes: Any) -> tuple[Spec, Plan]:
    """A sweep on paper as it is stored."""
    spec = paper_spec(**changes)
    plan = paper_plan(spec)
    return spec.with_default_metric(plan.metrics), plan


def reports() -> list[Report]:
    """Reports of the curve, with an error that has no share."""
    mae = {"train/mae": 1.0, "val/mae": 2.0}
    return [Report(epoch=epoch, at=1000 * epoch, metrics=row | mae) for epoch, row in enumerate(CURVE, 1)]


def test_the_objectives_errors_have_its_metrics_name() -> None:
    spec, plan = sweep(objective="val/balanced-acc")
    found = trial_run.points(reports(), spec.objective, plan.metrics, after=0)
    shown = {(point.name, point.step): point.value for point in found}
    assert shown["best/val_balanced_error_percent", 1] == 75
    assert shown["best/val_balanced_error_percent", 2] == 50
    assert shown["best/val_balanced-acc", 2] == 0.5
    spec, plan = sweep(objective="val/loss")
    names = {point.name for point in trial_run.points(reports(), spec.objective, plan.metrics, after=0)}
    assert not any("error" in name for name in names)


@pytest.mark.parametrize(
    ("measured", "gaps"),
    [
        ("val/acc", {"gap/acc": 0.75}),
        ("val/balanced-acc", {"gap/acc": 0.75, "gap/balanced-acc": 0.25}),
    ],
)
def test_every_accuracy_that_is_measured_has_its_gap(measured: str, gaps: dict[str, float]) -> None:
    _, plan = sweep(objective=measured)
    trial = cast("Trial", SimpleNamespace(best_epoch=2, state=TrialState.SUCCEEDED))
    for metrics in (plan.metrics, [*plan.metrics, ERROR]):
        found = trial_run.closing(trial, reports(), metrics)
        assert {point.name: point.value for point in found} == gaps
        assert {point.step for point in found} == {2}


def test_a_saved_view_has_a_chart_of_every_metric_that_is_measured() -> None:
    spec, plan = sweep(objective="train/balanced-acc")
    charts = saved_view.state("ab12", plan, spec.objective)["compareRunCharts"]
    assert [chart["metricKey"] for chart in charts if chart["type"] == "BAR"] == [
        "best/train_balanced_error_percent"
    ]
    assert [chart["metricKey"] for chart in charts if chart["type"] == "LINE"] == [
        "train/balanced-acc",
        "train/acc",
        "train/loss",
        "val/acc",
        "val/balanced-acc",
        "val/loss",
    ]


@pytest.mark.parametrize("objective", ["val/acc", "val/balanced-acc"])
def test_a_learning_curve_has_a_panel_for_each(objective: str) -> None:
    _, plan = sweep(objective=objective)
    root = parsed(learning_curve("t000", list(enumerate(CURVE, 1)), [*plan.metrics, ERROR]))
    panels = [text for text in texts(root) if text[:1].isupper()]
    assert panels == ["Loss", *(metric.label.capitalize() for metric in plan.metrics), "Mean absolute error"]
    assert len(all_of(root, "circle")) == 2 * (1 + 2 * len(plan.metrics))
    assert LOSS.name not in {metric.name for metric in plan.metrics}
