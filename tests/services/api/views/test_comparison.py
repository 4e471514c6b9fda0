"""A comparison as JSON has every number that the sentence is made of."""

from __future__ import annotations

import pytest

from services.api.views.comparison import comparison_view
from services.domain.plan.repeats import Repeats
from services.domain.results.comparison import Side, compare


def test_every_field_is_there() -> None:
    best = Side(point=4, values={0: 0.9, 1: 0.92, 2: 0.91})
    other = Side(point=1, values={0: 0.8, 1: 0.81, 2: None})
    view = comparison_view(compare(best, other, "maximize", Repeats(3)))
    assert view is not None
    found = view.model_dump(mode="json")
    assert list(found) == ["best", "runner_up", "difference", "low", "high", "n", "differs", "words"]
    assert (found["best"], found["runner_up"], found["n"]) == (4, 1, 2)
    assert found["difference"] == pytest.approx(0.105)
    assert found["low"] < 0.105 < found["high"]
    assert found["differs"] is True
    assert "is better than the runner-up" in found["words"]


def test_one_point_has_nothing_to_compare_with() -> None:
    assert comparison_view(None) is None
