"""services/figures/learning_curve.py."""

from __future__ import annotations

import math

from drawn_figures import all_of, parsed, texts
from paper_catalog import ACCURACY

from services.domain.spec.objective import MetricFacts
from services.figures import chart
from services.figures.learning_curve import learning_curve


def test_each_set_of_images_has_a_line_of_its_colour_in_each_panel() -> None:
    curve = [(1, {"train/loss": 2.0, "val/acc": 0.5}), (2, {"train/loss": math.inf, "val/acc": 0.75})]
    drawn = parsed(learning_curve("t000 <&", curve, [ACCURACY]))
    found = texts(drawn)
    assert found[0] == "t000 <&"
    assert found.count("epoch") == 2
    assert {"Loss", "Accuracy", "train", "val"} <= set(found)
    assert "test" not in found
    dots = [dot.get("fill") for dot in all_of(drawn, "circle")]
    assert dots == [chart.colour(0), chart.colour(1), chart.colour(1)]


def test_numbers_as_targets_have_an_error_in_place_of_an_accuracy() -> None:
    metric = MetricFacts(name="mae", goal="minimize", label="mean absolute error")
    found = texts(parsed(learning_curve("t000", [(1, {"train/loss": 2.0, "val/mae": 0.5})], [metric])))
    assert {"Loss", "Mean absolute error"} <= set(found)


def test_without_an_epoch_there_are_axes_alone() -> None:
    assert all_of(parsed(learning_curve("t000", [], [ACCURACY])), "circle") == []
