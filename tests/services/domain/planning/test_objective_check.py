"""services/domain/planning/objective_check.py: what trials measure, and what they can be ranked by."""

from __future__ import annotations

from typing import Any

import pytest
from paper_catalog import paper_plan, paper_spec

from services.domain.errors import SpecError


def measured(**changes: Any) -> list[str]:
    [shape] = paper_plan(paper_spec(**changes)).shapes
    return [metric.name for metric in shape.metrics]


def test_the_default_metric_comes_first_and_the_objectives_is_added() -> None:
    assert measured() == ["acc"]
    assert measured(objective="val/balanced-acc") == ["acc", "balanced-acc"]
    assert measured(objective="train/loss") == ["acc"]


@pytest.mark.parametrize(("metric", "goal"), [("val/loss", "minimize"), ("train/acc", "maximize")])
def test_the_goal_follows_the_metric(metric: str, goal: str) -> None:
    for objective in ({"metric": metric}, {"metric": metric, "goal": goal}):
        spec = paper_spec(objective=objective)
        assert spec.with_default_metric(paper_plan(spec).metrics).objective.goal == goal
    other = {"minimize": "maximize", "maximize": "minimize"}[goal]
    with pytest.raises(SpecError, match=f"is to {goal} it, got {other}") as caught:
        paper_plan(paper_spec(objective={"metric": metric, "goal": other}))
    assert caught.value.problems[0].pointer == "/objective"


@pytest.mark.parametrize(
    ("metric", "hint"), [("val/acd", "Did you mean 'val/acc'"), ("test/acc", "val/ or train/")]
)
def test_an_unknown_metric_is_refused_at_its_place(metric: str, hint: str) -> None:
    with pytest.raises(SpecError, match=hint) as caught:
        paper_plan(paper_spec(objective=metric))
    assert caught.value.problems[0].pointer == "/objective/metric"
