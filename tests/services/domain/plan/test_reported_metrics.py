"""The plan names exactly the metrics that its trials report."""

from __future__ import annotations

import pytest
from paper_catalog import paper_plan, paper_spec

from cnnlab.fit import Fit, Row
from services.api.library import Library
from services.domain.plan.reported_metrics import reported_metrics
from services.domain.planning.planner import make_plan
from services.domain.spec.spec import Spec


@pytest.mark.parametrize(
    ("test", "validation"), [("never", 0.1), ("best", 0.1), ("each-epoch", 0.1), ("never", 0)]
)
def test_the_names_are_those_that_a_fit_reports(test: str, validation: float) -> None:
    spec = {
        "name": "names",
        "model": {"name": "mlp", "hidden": [2]},
        "data": {"name": "fashion-mnist-mini", "validation": validation},
        "train": {"epochs": 1, "batch_size": 2000, "test": test, "metrics": ["top5-acc"]},
        "space": {"train.optimizer.lr": [0.01, 0.02]},
        "objective": "train/balanced-acc",
    }
    plan = make_plan(Spec.model_validate(spec), Library(), limit=2, memory=1 << 30)
    one = Fit([Row(plan.config(0), 0)], objective=("train/balanced-acc", "maximize"))
    [report] = one.run_epoch() or []
    [last] = one.test_best() if test == "best" else [{}]
    assert reported_metrics(plan) == sorted(report.metrics | last)


def test_shapes_with_metrics_of_their_own_have_columns_too() -> None:
    plan = paper_plan(paper_spec())
    first = plan.shapes[0]
    other = first.model_copy(update={"metrics": [first.metrics[0].model_copy(update={"name": "mae"})]})
    both = plan.model_copy(update={"shapes": [first, other]})
    assert {"train/loss", "train/acc", "train/mae", "lr"} <= set(reported_metrics(both))
