"""The results that a proposal looks at: the best ones, and some of the others."""

from __future__ import annotations

from itertools import pairwise

from services.domain.asking.subset import subset


def test_few_are_all_looked_at() -> None:
    assert list(subset([3.0, 1.0, 2.0], most=3, good=1)) == [0, 1, 2]


def test_of_many_the_best_and_an_even_choice_of_the_rest_in_their_order() -> None:
    values = [float((7 * index) % 1000) for index in range(1000)]
    found = list(subset(values, most=100, good=20))
    assert found == sorted(set(found))
    assert len(found) == 100
    best = {index for index, value in enumerate(values) if value < 20}
    assert best <= set(found)
    rest = sorted(set(found) - best)
    assert max(b - a for a, b in pairwise(rest)) <= 16
    assert (rest[0] < 16, rest[-1] > 984) == (True, True)


def test_of_equal_ones_the_earlier_are_the_best() -> None:
    assert list(subset([0.0] * 10, most=3, good=2))[:2] == [0, 1]
