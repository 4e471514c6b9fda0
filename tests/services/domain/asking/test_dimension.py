"""A dimension: what there is to choose on axes, and where a choice lies."""

from __future__ import annotations

import math
from typing import Any

import pytest

from benchmarks.search_problems import listed, spread
from services.domain.asking.dimension import Dimension, dimension


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, 2, 3], "steps"),
        ([0.1, 0.01, 0.001], "steps"),
        ([1, 3, 2], "categories"),
        ([1, 2], "categories"),
        ([False, True, 2], "categories"),
        (["a", "b", "c"], "categories"),
        ([{"name": "sgd"}, {"name": "adam"}, 3], "categories"),
    ],
)
def test_numbers_in_order_are_steps_and_others_categories(values: list[Any], kind: str) -> None:
    assert dimension("x", [listed("x", values)]) == Dimension("x", kind, len(values))  # type: ignore[arg-type]


def test_ranges_are_real_or_have_steps() -> None:
    assert dimension("x", [spread("x", 0, 1)]) == Dimension("x", "real")
    assert dimension("x", [spread("x", 0, 10, step=0.5)]) == Dimension("x", "steps", 21)


def test_zipped_axes_have_the_order_that_one_of_them_has() -> None:
    assert dimension("x", [listed("x", ["a", "b", "c"]), listed("y", [1, 2, 4])]).kind == "steps"


@pytest.mark.parametrize("size", [2, 7, 1000])
def test_every_choice_lies_in_the_middle_of_its_part(size: int) -> None:
    each = Dimension("x", "steps", size)
    assert [each.at(each.share(index)) for index in range(size)] == list(range(size))
    assert (each.at(-0.1), each.at(0.0), each.at(1.0), each.at(1.5)) == (0, 0, size - 1, size - 1)


def test_a_real_choice_is_a_share_of_the_range_in_its_logarithm() -> None:
    axis = spread("x", 1e-4, 1, log=True)
    each = dimension("x", [axis])
    assert each.coordinate(axis, 0.5) == 0.01
    assert math.isclose(each.of(axis, 0.01), 0.5)
    assert each.of(spread("x", -2, 2), 1.0) == 0.75
    assert (each.at(-1.0), each.at(2.0)) == (0.0, 1.0)
