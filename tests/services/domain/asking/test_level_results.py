"""Results after equally many epochs: changed one by one, looked at in part or all together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from services.domain.asking.level_results import LevelResults
from services.domain.asking.observations import AskedPoint


def level(values: Sequence[float | None], running: Sequence[int] = ()) -> LevelResults:
    found = LevelResults([AskedPoint({}, {"x": place}, str(place)) for place in range(len(values))], running)
    for place, value in enumerate(values):
        found.put(place, value)
    return found


def places(found: LevelResults, most: int, good: int) -> list[float]:
    return [choices["x"] for choices in found.some(most, good, 0).choices]


def test_few_are_all_looked_at() -> None:
    found = level([3.0, 1.0, None, 2.0])
    assert places(found, most=3, good=1) == [0, 1, 3]
    assert found.some(3, 1, 0) == found.all()
    assert len(found) == found.known == 3


def test_of_many_the_best_and_an_even_choice_of_the_rest_in_their_order() -> None:
    values = [float((7 * index) % 1000) for index in range(1000)]
    found = places(level(values), most=100, good=20)
    assert found == sorted(set(found))
    assert len(found) == 100
    best = {index for index, value in enumerate(values) if value < 20}
    assert best <= set(found)
    rest = sorted(set(found) - best)
    assert max(b - a for a, b in pairwise(rest)) <= 16
    assert (rest[0] < 16, rest[-1] > 984) == (True, True)


def test_of_equal_ones_the_earlier_are_the_best() -> None:
    assert places(level([0.0] * 10), most=3, good=2)[:2] == [0, 1]


def test_a_point_that_failed_has_the_worst_value_of_the_others() -> None:
    found = level([0.25, math.inf, -2.0])
    assert list(found.all().values) == [0.25, 0.25, -2.0]
    assert (len(found), found.known) == (3, 2)
    assert list(level([math.inf]).all().values) == [0.0]
    assert level([]).all().worst == 0.0


def test_what_is_being_tried_and_has_no_result_here_comes_beside() -> None:
    found = level([None, 0.5, None, None], running=[0, 1, 3])
    assert found.all().running == [{"x": 0}, {"x": 3}]
    assert found.some(9, 1, running=1).running == [{"x": 3}]


VALUES = st.none() | st.sampled_from([0.0, 1.0, 2.0, math.inf])


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 19), VALUES), max_size=60), st.integers(2, 9), st.integers(0, 2))
def test_whatever_came_before_only_the_last_values_count(
    written: Sequence[tuple[int, float | None]], most: int, good: int
) -> None:
    last: list[float | None] = [None] * 20
    found = level(last)
    for place, value in written:
        last[place] = value
        found.put(place, value)
    afresh = level(last)
    assert found.all() == afresh.all()
    assert (len(found), found.known) == (len(afresh), afresh.known)
    values = {place: value for place, value in enumerate(last) if value is not None}
    if len(values) > most:
        best = sorted(values, key=lambda place: (values[place], place))[:good]
        rest = [place for place in values if place not in best]
        spread = [rest[(2 * each + 1) * len(rest) // (2 * (most - good))] for each in range(most - good)]
        assert places(found, most, good) == sorted([*best, *spread])
