"""services/domain/results/axis_levels.py: lists keep their values, ranges are cut into quarters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from services.domain.plan.axis import Axis, ListedAxis, RangeAxis
from services.domain.plan.point_label import PointLabels
from services.domain.results.axis_levels import AxisLevels, all_levels


def listed(path: str, values: Sequence[Any]) -> ListedAxis:
    return ListedAxis(name=path, path=path, row=True, values=list(values), written=list(values))


def drawn(path: str, **changes: Any) -> RangeAxis:
    return RangeAxis.model_validate(
        {"name": path, "path": path, "row": True, "low": 0.0, "high": 1.0} | changes
    )


def levels(axes: list[Axis], *points: dict[str, Any]) -> list[AxisLevels]:
    return all_levels(axes, PointLabels(axes), points)


def test_listed_values_are_levels_in_the_order_of_the_list_and_those_without_points_are_none() -> None:
    sgd, adam, lbfgs = {"name": "sgd", "lr": 0.1}, {"name": "adam"}, {"name": "lbfgs"}
    axes: list[Axis] = [listed("opt", [sgd, lbfgs, adam]), listed("x", [3, 1, None]), listed("fixed", [7])]
    optimizers, numbers = levels(axes, {"opt": adam, "x": 1}, {"opt": sgd, "x": None}, {"opt": adam, "x": 3})
    assert (optimizers.texts, optimizers.at, optimizers.counts) == (["sgd", "adam"], [1, 0, 1], [1, 2])
    assert (numbers.texts, numbers.at, numbers.binned) == (["3", "1", "none"], [1, 2, 0], False)
    assert (optimizers.no_value, numbers.no_value) == ("none", "none (inactive)")


def test_an_axis_without_a_value_at_a_point_has_no_level_there() -> None:
    [only] = levels([listed("x", [1, 2])], {"x": 2}, {}, {"x": 1})
    assert (only.at, only.counts) == ([1, None, 0], [1, 1])


def test_a_range_with_few_different_numbers_has_each_as_a_level() -> None:
    [only] = levels([drawn("x", step=0.125)], *({"x": value} for value in (0.5, 0.125, 0.5, 0.25)))
    assert (only.texts, only.at, only.binned) == (["0.125", "0.25", "0.5"], [2, 0, 2, 1], False)


@pytest.mark.parametrize("size", [12, 100, 1001])
def test_many_numbers_are_cut_at_their_quartiles(size: int) -> None:
    values = np.random.default_rng(size).lognormal(size=size)
    [only] = levels([drawn("x", low=1e-9, high=1e9, log=True)], *({"x": value} for value in values.tolist()))
    assert only.binned
    cuts = np.sort(values)[[size // 4, size // 2, 3 * size // 4]]
    assert only.at == np.searchsorted(cuts, values, "right").tolist()
    assert max(only.counts) - min(only.counts) <= 1
    low, high = only.texts[0].split(" … ")
    assert float(low) == float(f"{min(values):.3g}")
    assert float(high) <= float(only.texts[1].split(" … ")[0])


@pytest.mark.parametrize(
    ("points", "sizes"), [(2, [2]), (5, [5]), (6, [3, 3]), (11, [3, 4, 4]), (12, [3] * 4)]
)
def test_few_numbers_have_fewer_bins(points: int, sizes: list[int]) -> None:
    [only] = levels([drawn("x")], *({"x": place / 20} for place in range(points)))
    assert only.counts == sizes


def test_a_bin_of_one_number_is_shown_as_that_number() -> None:
    [only] = levels([drawn("x")], *({"x": value} for value in [0.25] * 9 + [0.5, 0.75, 1.0]))
    assert only.texts == ["0.25", "0.5 … 1"]


def test_equal_numbers_share_a_bin() -> None:
    values = [0.0] * 60 + [number / 100 for number in range(1, 41)]
    [only] = levels([drawn("x")], *({"x": value} for value in values))
    assert set(only.at[:60]) == {0}
    assert Counter(only.at) == {0: 75, 1: 25}  # two of the three cuts are at 0, which is no cut


def test_a_long_list_of_numbers_is_cut_too_and_the_rarest_names_are_one_level() -> None:
    numbers, names = list(range(13)), [f"n{place:02d}" for place in range(13)]
    points = [{"a": number, "b": name} for number, name in zip(numbers, names, strict=True)]
    binned, named = levels([listed("a", numbers), listed("b", names)], *points, points[12], points[11])
    assert binned.binned
    assert len(binned.texts) == 4
    assert len(named.texts) == 12
    assert named.texts[-1] == "2 others"
    assert named.counts == [*[1] * 9, 2, 2, 2]
    [few] = levels([listed("a", numbers[:12])], *({"a": number} for number in range(12)))
    assert len(few.texts) == 12
