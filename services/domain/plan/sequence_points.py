"""Points of a sequence over all axes: each shape has those that fall into it, in their order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from threading import Lock

from services.domain.asking.new_points import NewPoints
from services.domain.asking.proposer import Proposer
from services.domain.asking.search_space import SearchSpace
from services.domain.plan.axis import Coordinates
from services.domain.plan.draws import Undrawable

ShapeKey = tuple[tuple[str, int | float], ...]


class SequencePoints:
    """Goes through the sequence as far as it is asked for; what it has passed is kept.

    `shape_paths` are the axes that make a shape what it is, `without` the keys of points that are left out.
    """

    def __init__(
        self,
        space: SearchSpace,
        proposer: Proposer,
        shape_paths: Sequence[str],
        seed: int,
        without: Iterable[str] = (),
    ) -> None:
        self._shape_paths = shape_paths
        self._points = NewPoints(space, proposer, set(without), seed)
        self._found: dict[ShapeKey, list[Coordinates]] = {}
        self._count = 0
        self._lock = Lock()  # a plan is read by several threads

    def counts(self, points: int) -> list[tuple[Coordinates, int]]:
        """How many of the first `points` points each shape has; fewer where the space has no more."""
        with self._lock:
            while self._count < points and self._advance():
                pass
            return [(dict(shape), len(found)) for shape, found in self._found.items()]

    def point(self, shape: Coordinates, position: int) -> Coordinates:
        """The point at a position of the shape with these coordinates."""
        key = self._key(shape)
        with self._lock:
            while len(self._found.get(key, ())) <= position:
                if not self._advance():
                    raise Undrawable(f"the sequence has no point {position} of this shape")
            return self._found[key][position]

    def _advance(self) -> bool:
        point = self._points.next()
        if point is None:
            return False
        self._found.setdefault(self._key(point.coordinates), []).append(point.coordinates)
        self._count += 1
        return True

    def _key(self, coordinates: Coordinates) -> ShapeKey:
        return tuple((path, coordinates[path]) for path in self._shape_paths if path in coordinates)
