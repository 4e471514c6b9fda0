"""services/tracking/figures/learning_curve.py."""

from __future__ import annotations

import math
from typing import Any

import pytest
from paper_catalog import ACCURACY

from services.domain.spec.objective import MetricFacts
from services.tracking.figures import canvas
from services.tracking.figures.learning_curve import learning_curve


def panels(
    monkeypatch: pytest.MonkeyPatch, curve: list[tuple[int, dict[str, float]]], metric: MetricFacts
) -> list[Any]:
    drawn: list[Any] = []
    monkeypatch.setattr(canvas, "png", lambda figure: drawn.append(figure) or b"")
    learning_curve("t000", curve, [metric])
    return list(drawn[0].axes)


def test_a_value_that_is_not_finite_leaves_a_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    curve = [(1, {"train/loss": 2.0, "val/acc": 0.5}), (2, {"train/loss": math.inf, "val/acc": 0.75})]
    loss, accuracy = panels(monkeypatch, curve, ACCURACY)
    assert [line.get_label() for line in loss.lines] == ["train"]
    first, second = loss.lines[0].get_ydata()
    assert first == 2.0
    assert math.isnan(second)
    assert list(accuracy.lines[0].get_ydata()) == [0.5, 0.75]


def test_numbers_as_targets_have_an_error_in_place_of_an_accuracy(monkeypatch: pytest.MonkeyPatch) -> None:
    metric = MetricFacts(name="mae", goal="minimize", label="mean absolute error")
    loss, error = panels(monkeypatch, [(1, {"train/loss": 2.0, "val/mae": 0.5})], metric)
    assert (loss.get_ylabel(), error.get_ylabel()) == ("Loss", "Mean absolute error")
