"""services/domain/results/parzen.py: cells of values, and densities over them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from services.domain.plan.axis import ListedAxis, RangeAxis
from services.domain.results.parzen import CellAxis, cells_of, density


def drawn(**changes: Any) -> RangeAxis:
    return RangeAxis.model_validate({"name": "x", "path": "x", "row": True, "low": 0, "high": 1} | changes)


@pytest.mark.parametrize(
    ("axis", "cells", "places"),
    [
        (drawn(), 50, {0: 0, 1: 49, 0.5: 24, 0.51: 25, 0.0102: 0, 0.0103: 1}),
        (drawn(low=1e-4, high=1e-2, log=True), 50, {1e-4: 0, 1e-2: 49, 1.2e-3: 26}),
        (drawn(low=1, high=8, step=1, whole=True), 8, {1: 0, 2: 1, 8: 7}),
        (drawn(low=0.001, high=0.1, step=10, log=True), 3, {0.001: 0, 0.01: 1, 0.1: 2}),
        (ListedAxis(name="x", path="x", row=True, values=["b", {"name": "a"}], written=[]), 2, {"b": 0}),
    ],
    ids=["range", "log", "integers", "factors", "list"],
)
def test_each_value_has_its_cell(axis: Any, cells: int, places: dict[Any, int]) -> None:
    found = cells_of(axis, [*({"x": value} for value in places), {}])
    assert (found.cells, found.ordered) == (cells, isinstance(axis, RangeAxis))
    assert found.at == [*places.values(), None]
    order = list(range(len(places), -1, -1))
    assert found.reordered(order).at == [None, *reversed(places.values())]


def test_the_density_of_a_range_is_a_sum_of_truncated_normal_kernels() -> None:
    counts = {3: 2, 10: 5, 11: 1, 30: 4}
    places = np.repeat(list(counts), list(counts.values()))
    # Quartiles as the places at which ⌊N / 4⌋ and more than ⌊3 N / 4⌋ of N points are reached.
    spread = min((30 - 10) / 1.34, places.std(ddof=1))
    width = 1.059 * spread * 12**-0.2
    cells = np.arange(50)
    edges = (-0.5, 49.5)

    def kernel(middle: float, sd: float) -> Any:
        normal = stats.norm(middle, sd)
        inside = normal.cdf(edges[1]) - normal.cdf(edges[0])
        return (normal.cdf(cells + 0.5) - normal.cdf(cells - 0.5)) / inside

    wanted = (sum(count * kernel(place, width) for place, count in counts.items()) + kernel(24.5, 50)) / 13
    assert density(CellAxis(50, True, []), counts) == pytest.approx(wanted, abs=2e-12)


def test_points_in_one_cell_have_a_kernel_no_narrower_than_it() -> None:
    found = density(CellAxis(50, True, []), {20: 7})
    assert found[20] == pytest.approx(7 / 8 * 0.899, abs=0.004)
    assert sum(found) == pytest.approx(1)


def test_the_density_of_a_list_is_its_counts_smoothed() -> None:
    # Two observed cells: a kernel has 1 + 1/3 at its own cell and 1/3 at the two others, divided by 2.
    found = density(CellAxis(3, False, []), {0: 3, 2: 1, None: 9})
    assert found == pytest.approx([
        (3 * 4 / 6 + 1 / 6 + 1 / 3) / 5, (3 / 6 + 1 / 6 + 1 / 3) / 5, (3 / 6 + 4 / 6 + 1 / 3) / 5
    ])  # fmt: skip
    assert density(CellAxis(4, False, []), {}) == pytest.approx([0.25] * 4)
