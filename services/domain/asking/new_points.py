"""New points of a space, taken from a proposer: each meets the constraints, and none comes twice."""

from __future__ import annotations

from collections.abc import Collection

from services.domain.asking.dimension import Choice, Dimension
from services.domain.asking.observations import AskedPoint
from services.domain.asking.proposer import Proposer
from services.domain.asking.search_space import SearchSpace
from services.domain.plan.draws import MAX_DRAWS_PER_POINT
from services.domain.random_numbers import permuted, unit


class NewPoints:
    """Takes points from a proposer; `tried` are the keys of those that must not come again.

    What is proposed is refused if it has been tried or misses a constraint. After as many proposals as the
    proposer makes for one point a random point is taken: of `MAX_DRAWS_PER_POINT` draws or, where the space
    can be listed, of all points.
    """

    def __init__(self, space: SearchSpace, proposer: Proposer, tried: Collection[str], seed: int) -> None:
        self._space, self._proposer, self._seed = space, proposer, seed
        self._tried, self._new = tried, set[str]()

    def take(self, point: AskedPoint) -> None:
        """Count a point as one that is tried from now on."""
        self._new.add(point.key)
        self._proposer.take(point.choices)

    def next(self) -> AskedPoint | None:
        """A new point; None where there is none."""
        size = self._space.size
        if size is not None and self._count() >= size:
            return None
        point = self._proposed() or self._random()
        if point is not None:
            self.take(point)
        return point

    def _proposed(self) -> AskedPoint | None:
        for _ in range(self._proposer.max_proposals):
            point = self._space.point(self._proposer.propose())
            if self._is_new(point):
                return point
            self._proposer.refuse(point.choices)
        return None

    def _random(self) -> AskedPoint | None:
        """A point drawn by a hash; if the space can be listed, the next of its points in a random order."""
        size, number = self._space.size, self._count()
        if size is None:
            drawn = (self._drawn(number, attempt) for attempt in range(MAX_DRAWS_PER_POINT))
            return next(filter(self._is_new, drawn), None)
        listed = (self._space.listed(permuted(at, size, self._seed, "ask")) for at in range(size))
        return next(filter(self._is_new, listed), None)

    def _drawn(self, number: int, attempt: int) -> AskedPoint:
        def choose(dimension: Dimension) -> Choice:
            return dimension.at(unit(self._seed, "ask", number, attempt, dimension.name))

        return self._space.point(choose)

    def _is_new(self, point: AskedPoint) -> bool:
        tried = point.key in self._new or point.key in self._tried
        return not tried and self._space.is_met(point.coordinates)

    def _count(self) -> int:
        return len(self._tried) + len(self._new)
