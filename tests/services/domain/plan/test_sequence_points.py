"""Points of a sequence, shape by shape: the same whatever is asked for first, and none of those left out."""

from __future__ import annotations

import pytest

from benchmarks.search_problems import listed, spread
from services.domain.asking.search_space import SearchSpace
from services.domain.asking.sobol_proposer import SobolProposer
from services.domain.plan.choices import Group
from services.domain.plan.dependencies import Dependencies
from services.domain.plan.draws import Undrawable
from services.domain.plan.sequence_points import SequencePoints

OPEN = SearchSpace([listed("depth", [2, 3]), spread("rate", 0, 1)], Dependencies(), [])
FINITE = SearchSpace(
    [listed("depth", [2, 3]), listed("rate", [1, 2, 3])],
    Dependencies(),
    [Group(paths=["depth"]), Group(paths=["rate"])],
)


def points(space: SearchSpace, *without: str, seed: int = 1) -> SequencePoints:
    return SequencePoints(space, SobolProposer(space.dimensions, seed), ["depth"], seed, without)


def test_a_shape_has_the_points_that_fall_into_it_in_their_order() -> None:
    counted = points(OPEN)
    assert sorted(count for _, count in counted.counts(16)) == [8, 8]
    backwards = points(OPEN)
    for shape in ({"depth": 1}, {"depth": 0}):
        expected = [counted.point(shape, position) for position in range(8)]
        assert [backwards.point(shape, position) for position in reversed(range(8))] == expected[::-1]
        assert all(point["depth"] == shape["depth"] for point in expected)


def test_a_finite_space_ends() -> None:
    every = points(FINITE)
    assert sum(count for _, count in every.counts(100)) == 6
    with pytest.raises(Undrawable, match="no point 3"):
        every.point({"depth": 0}, 3)


def test_points_that_are_left_out_do_not_come() -> None:
    given = FINITE.at({"depth": 1, "rate": 2})
    found = points(FINITE, given.key)
    assert {shape["depth"]: count for shape, count in found.counts(100)} == {0: 3, 1: 2}
    assert given.coordinates not in [found.point({"depth": 1}, position) for position in range(2)]
