"""The objective: what it may leave out, what it is completed with, and how values are ordered by it."""

from __future__ import annotations

import math
from typing import Any

import pytest
from pydantic import ValidationError

from services.domain.spec.objective import MetricFacts, MetricKey, Objective

ACC = MetricFacts(name="acc", goal="maximize", label="accuracy", error="error")
MAE = MetricFacts(name="mae", goal="minimize", label="mean absolute error")


@pytest.mark.parametrize(
    ("text", "part", "name"),
    [("val/acc", "val", "acc"), ("train/top5-acc", "train", "top5-acc"), ("lr", "", "lr"), ("", "", "")],
)
def test_a_key_is_a_part_and_a_name(text: str, part: str, name: str) -> None:
    assert MetricKey.parse(text) == (part, name)
    if part:
        assert str(MetricKey(part, name)) == text


@pytest.mark.parametrize(
    ("given", "metrics", "metric", "goal", "at"),
    [
        ({}, [ACC], "val/acc", "maximize", "best"),
        ({}, [MAE, ACC], "val/mae", "minimize", "best"),
        ({"at": "last"}, [MAE], "val/mae", "minimize", "last"),
        ("train/mae", [ACC, MAE], "train/mae", "minimize", "best"),
        ("val/loss", [ACC], "val/loss", "minimize", "best"),
        ({"metric": "val/mae", "goal": "maximize"}, [MAE], "val/mae", "maximize", "best"),
    ],
)
def test_what_is_left_out_comes_from_the_metrics(
    given: Any, metrics: list[MetricFacts], metric: str, goal: str, at: str
) -> None:
    found = Objective.model_validate(given).completed(metrics)
    assert (found.metric, found.goal, found.at) == (metric, goal, at)
    assert found.measured == MetricKey.parse(metric)
    stored = Objective.model_validate(found.model_dump(mode="json"))
    assert stored == found
    assert stored.completed([ACC]) == found


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"goal": "minimize"}, "goal needs a metric beside it"),
        ({"metric": "val/acc", "goal": "max"}, "maximize"),
        ({"metric": 3}, "metric"),
        ({"metric": "val/" + "a" * 100}, "at most 100"),
        (["val/acc"], "Objective"),
    ],
)
def test_what_is_no_objective_is_refused(given: Any, words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        Objective.model_validate(given)


def test_better_values_have_smaller_keys() -> None:
    high, low = Objective(metric="val/acc"), Objective(metric="val/mae", goal="minimize")
    assert sorted([0.5, None, 0.9, math.nan, 0.1], key=high.key)[:3] == [0.9, 0.5, 0.1]
    assert sorted([0.5, None, 0.9, math.nan, 0.1], key=low.key)[:3] == [0.1, 0.5, 0.9]
