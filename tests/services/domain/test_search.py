"""Search methods are found by their files."""

from __future__ import annotations

from itertools import product

import pytest

from services.domain import search
from services.domain.errors import SpecError


def test_grid_visits_the_product_in_order() -> None:
    grid = search.get("grid")
    sizes = (2, 3, 4)
    assert [grid.digits(i, sizes) for i in range(grid.points(sizes))] == list(product(*map(range, sizes)))


def test_unknown_methods_are_refused_with_the_nearest_name() -> None:
    with pytest.raises(SpecError, match="Did you mean 'grid'"):
        search.get("grind")
