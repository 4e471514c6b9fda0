"""The Sobol sequence: the published numbers, evenly spread in every dimension, another one for each seed."""

from __future__ import annotations

import math
from itertools import product

import pytest

from services.domain.asking import sobol_sequence
from services.domain.asking.sobol_directions import DIRECTIONS
from services.domain.planning.limits import MAX_AXES
from services.domain.random_numbers import unit

# The first points of some dimensions, counted from 0, in 1/16, as scipy's qmc.Sobol has them unscrambled.
PUBLISHED = {
    1: [0, 8, 4, 12, 6, 14, 2, 10],
    2: [0, 8, 4, 12, 10, 2, 14, 6],
    9: [0, 8, 12, 4, 10, 2, 6, 14],
    39: [0, 8, 4, 12, 14, 6, 10, 2],
}


@pytest.mark.parametrize("dimension", PUBLISHED)
def test_without_scrambling_it_is_the_published_sequence(
    monkeypatch: pytest.MonkeyPatch, dimension: int
) -> None:
    monkeypatch.setattr(sobol_sequence, "_scrambled", lambda bits, key: bits)
    found = [16 * sobol_sequence.coordinate(index, dimension, 0) for index in range(8)]
    assert [round(each) for each in found] == PUBLISHED[dimension]


def test_there_are_directions_for_as_many_axes_as_a_space_may_have() -> None:
    assert len(DIRECTIONS) == MAX_AXES
    assert len({row[:2] for row in DIRECTIONS}) == MAX_AXES, "each polynomial once"
    for degree, _, *numbers in DIRECTIONS[1:]:
        assert len(numbers) == degree
        assert all(number % 2 == 1 and number < 2**place for place, number in enumerate(numbers, 1))


@pytest.mark.parametrize(("count", "seed"), list(product((2, 16, 128), (0, 7))))
def test_each_part_of_a_dimension_has_one_point(count: int, seed: int) -> None:
    for dimension in (0, 1, 2, 50, 99):
        points = (sobol_sequence.coordinate(index, dimension, seed) for index in range(count))
        assert sorted(math.floor(count * each) for each in points) == list(range(count))


def test_seeds_and_dimensions_differ() -> None:
    starts = {
        tuple(sobol_sequence.coordinate(index, dimension, seed) for index in range(4))
        for dimension, seed in product(range(100), range(5))
    }
    assert len(starts) == 500


def test_squares_hold_more_equally_many_points_than_at_random() -> None:
    def unevenness(points: list[tuple[float, float]]) -> int:
        cells = [
            sum((int(8 * x), int(8 * y)) == cell for x, y in points) for cell in product(range(8), repeat=2)
        ]
        return sum(abs(count - 4) for count in cells)

    even = [(sobol_sequence.coordinate(at, 0, 3), sobol_sequence.coordinate(at, 1, 3)) for at in range(256)]
    assert unevenness(even) == 0
    assert unevenness([(unit("x", at), unit("y", at)) for at in range(256)]) > 60
