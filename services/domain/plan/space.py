"""The space of a plan: its axes, how they depend on one another, and which points of a shape are visited.

A space of any size is held by index: a shape's points have positions, and a position is turned into values
when it is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from math import prod
from typing import Any

from pydantic import BaseModel, ConfigDict

from services.domain import search
from services.domain.asking.search_space import SearchSpace
from services.domain.plan import draws
from services.domain.plan.axis import Axis, Coordinate, Coordinates
from services.domain.plan.choices import Choices, Group, RowChoices, row_choices
from services.domain.plan.dependencies import Dependencies
from services.domain.plan.sequence_points import SequencePoints
from services.domain.search import IndexedSearch, SequenceSearch


class Space(BaseModel):
    """The points that a sweep can visit. `drawn`: they cannot be listed, so each is drawn by a hash.

    `given` are points that the user lists; they are tried first, and the search leaves them out.
    """

    model_config = ConfigDict(frozen=True)

    axes: list[Axis]
    dependencies: Dependencies = Dependencies()
    groups: list[Group] = []
    search: str = "grid"
    drawn: bool = False
    seed: int = 0
    given: list[Coordinates] = []

    def point(self, shape: int, coordinates: Coordinates, position: int) -> dict[str, Any]:
        """The value of each axis at a position of a shape, by path."""
        return self.values(coordinates | self._row_coordinates(shape, coordinates, position))

    def values(self, coordinates: Mapping[str, Coordinate]) -> dict[str, Any]:
        """The values at some coordinates, in the order of the axes: an entry before what is in it."""
        return {
            axis.path: axis.value(coordinates[axis.path]) for axis in self.axes if axis.path in coordinates
        }

    def choices(self, shape: Coordinates) -> list[Choices]:
        """What can be combined freely within the shape that has these coordinates."""
        return [part.in_shape(shape) for part in self._row_choices]

    def _row_coordinates(self, shape: int, coordinates: Coordinates, position: int) -> Coordinates:
        """The coordinates on the row axes."""
        if self.sequence is not None:
            return self.sequence.point(coordinates, position)
        if self.drawn:
            fixed = {path: coordinates.get(path) for path in self.shape_paths}
            return self.drawer.draw((self.seed, "row", shape, position), fixed)
        parts = self.choices(coordinates)
        method = search.get(self.search)
        if isinstance(method, IndexedSearch):
            for taken in self._taken(method, shape, coordinates):
                position += taken <= position
            position = method.index(position, prod(map(len, parts)), self.seed, shape)
        found: Coordinates = {}
        for part in reversed(parts):
            position, digit = divmod(position, len(part))
            found |= part[digit]
        return found

    def _taken(self, method: IndexedSearch, shape: int, coordinates: Coordinates) -> list[int]:
        """The positions of a shape where the search would visit a point that is given, in order."""
        if shape not in self._taken_by_shape:
            parts = self.choices(coordinates)
            size, found = prod(map(len, parts)), []
            for given in self.given_in(coordinates):
                index = 0
                for part in parts:
                    index = index * len(part) + part.index(given)
                found.append(method.position(index, size, self.seed, shape))
            self._taken_by_shape[shape] = sorted(found)
        return self._taken_by_shape[shape]

    def given_in(self, shape: Coordinates) -> list[Coordinates]:
        """The given points that lie in the shape with these coordinates."""
        return [point for point in self.given if self.shape_of(point) == shape]

    def shape_of(self, point: Coordinates) -> Coordinates:
        """The part of a point's coordinates that makes its shape what it is."""
        return {path: point[path] for path in self.shape_paths if path in point}

    @cached_property
    def searched(self) -> SearchSpace:
        """The space as methods see it that choose points on all axes."""
        return SearchSpace(self.axes, self.dependencies, [] if self.drawn else self.groups)

    @cached_property
    def sequence(self) -> SequencePoints | None:
        """The points of a search that goes through a sequence; None for any other."""
        method = search.get(self.search)
        if not isinstance(method, SequenceSearch):
            return None
        without = [self.searched.at(point).key for point in self.given]
        proposer = method.proposer(self.searched.dimensions, self.seed)
        return SequencePoints(self.searched, proposer, self.shape_paths, self.seed, without)

    @cached_property
    def _taken_by_shape(self) -> dict[int, list[int]]:
        return {}

    @cached_property
    def drawer(self) -> draws.Drawer:
        """What draws points of a space that cannot be listed."""
        return draws.Drawer(self.axes, self.dependencies)

    @cached_property
    def shape_paths(self) -> list[str]:
        """The axes that make a shape what it is."""
        return [axis.path for axis in self.axes if not axis.row]

    @cached_property
    def _row_choices(self) -> list[RowChoices]:
        return row_choices(self.axes, self.groups)
