"""Numbers of trials: every point with every seed once, neighbours together."""

from __future__ import annotations

from collections import Counter
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.domain.plan.numbering import Numbering

SHAPES = st.lists(st.tuples(st.integers(1, 8), st.booleans()), min_size=1, max_size=5)


def test_a_shape_that_is_not_mixed_counts_points_first() -> None:
    numbering = Numbering([3], [False], seeds=2)
    places = [numbering.place_of(number) for number in range(6)]
    assert [(one.point, one.replicate) for one in places] == [(0, 0), (1, 0), (2, 0), (0, 1), (1, 1), (2, 1)]
    assert [one.position for one in places] == [0, 1, 2, 0, 1, 2]
    assert {one.together for one in places} == {3}


def test_a_mixed_shape_counts_replicates_first() -> None:
    numbering = Numbering([3], [True], seeds=2)
    places = [numbering.place_of(number) for number in range(6)]
    assert [(one.point, one.replicate) for one in places] == [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (2, 1)]
    assert [one.position for one in places] == [0, 1, 2, 3, 4, 5]
    assert {one.together for one in places} == {6}


def test_the_next_shape_begins_where_the_last_one_ends() -> None:
    numbering = Numbering([2, 3], [True, False], seeds=2)
    assert (numbering.points, numbering.first_of(1)) == (5, 2)
    assert [numbering.stretch_of(point) for point in range(5)] == [0, 0, 1, 1, 1]
    place = numbering.place_of(4)
    assert (place.stretch, place.point, place.replicate, place.position) == (1, 2, 0, 0)


@pytest.mark.parametrize("point", [-1, 5])
def test_a_point_that_there_is_not_has_no_shape(point: int) -> None:
    with pytest.raises(IndexError, match=f"points 0 … 4, got {point}"):
        Numbering([2, 3], [False, False], seeds=1).stretch_of(point)


@given(SHAPES, st.integers(1, 5))
def test_every_point_has_every_seed_once(shapes: list[tuple[int, bool]], seeds: int) -> None:
    points, mixed = zip(*shapes, strict=True)
    numbering = Numbering(points, mixed, seeds)
    places = [numbering.place_of(number) for number in range(numbering.points * seeds)]
    pairs = Counter((place.point, place.replicate) for place in places)
    assert pairs == Counter(product(range(numbering.points), range(seeds)))
    assert [place.stretch for place in places] == sorted(place.stretch for place in places)
    for place in places:
        assert numbering.stretch_of(place.point) == place.stretch
        assert 0 <= place.position < place.together
