"""services/figures/axis_places.py: scales of ranges, categories of lists, and no place without a value."""

from __future__ import annotations

from typing import Any

import pytest

from services.domain.plan.axis import Axis, ListedAxis, RangeAxis
from services.domain.plan.point_label import PointLabels
from services.figures.axis_places import MAX_TICKS, AxisPlaces, axis_places, thinned


def drawn(**changes: Any) -> RangeAxis:
    return RangeAxis.model_validate({"name": "x", "path": "x", "row": True, "low": 0, "high": 1} | changes)


def places(axis: Axis, *values: Any) -> AxisPlaces:
    [found] = axis_places([axis], PointLabels([axis]), [*({"x": value} for value in values), {}])
    assert found.at[-1] is None
    assert found.inactive
    return found


@pytest.mark.parametrize(
    ("axis", "values", "at", "ticks"),
    [
        (drawn(high=0.6), [0.0, 0.15, 0.6], [0, 0.25, 1], ["0", "0.2", "0.4", "0.6"]),
        (
            drawn(low=1e-4, high=0.1, log=True), [1e-4, 1e-3, 0.1], [0, 1 / 3, 1],
            ["1e-4", "0.001", "0.01", "0.1"],
        ),
        (drawn(low=0.01, high=0.1, log=True), [0.1], [1], ["0.01", "0.02", "0.05", "0.1"]),
        (drawn(low=0.011, high=0.012, log=True), [0.011], [0], ["0.011", "0.012"]),
        (drawn(low=1, high=3, step=1, whole=True), [2], [0.5], ["1", "2", "3"]),
        (
            drawn(low=1e-30, high=1, log=True), [1], [1],
            ["1e-30", "1e-26", "1e-22", "1e-18", "1e-14", "1e-10", "1e-6", "0.01"],
        ),
    ],
    ids=["linear", "log", "short log", "very short", "whole", "very long"],
)  # fmt: skip
def test_a_range_has_its_own_scale_with_round_ticks(
    axis: RangeAxis, values: list[float], at: list[float], ticks: list[str]
) -> None:
    found = places(axis, *values)
    assert list(found.at[:-1]) == pytest.approx(at)
    assert [text for _, text in found.ticks] == ticks
    assert len(ticks) <= MAX_TICKS
    assert all(0 <= place <= 1 for place, _ in found.ticks)
    assert found.categories is None


def test_a_list_has_equal_parts_for_the_values_that_occur() -> None:
    adam, sgd = {"name": "adam"}, {"name": "sgd"}
    axis = ListedAxis(name="x", path="x", row=True, values=[sgd, {"name": "lbfgs"}, adam], written=[])
    found = places(axis, adam, sgd, adam)
    assert found.at == [0.75, 0.25, 0.75, None]
    assert (found.ticks, found.categories, found.name) == ([(0.25, "sgd"), (0.75, "adam")], 2, "x")


def test_ticks_are_thinned_evenly() -> None:
    ticks = [(float(number), str(number)) for number in range(10)]
    assert [text for _, text in thinned(ticks, 4)] == ["0", "3", "6", "9"]
    assert thinned(ticks, 10) == ticks
