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
from services.domain.plan import draws
from services.domain.plan.axis import Axis, Coordinate, Coordinates
from services.domain.plan.choices import Choices, Group, RowChoices, row_choices
from services.domain.plan.dependencies import Dependencies


class Space(BaseModel):
    """The points that a sweep can visit. `drawn`: they cannot be listed, so each is drawn by a hash."""

    model_config = ConfigDict(frozen=True)

    axes: list[Axis]
    dependencies: Dependencies = Dependencies()
    groups: list[Group] = []
    search: str = "grid"
    drawn: bool = False
    seed: int = 0

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
        if self.drawn:
            fixed = {path: coordinates.get(path) for path in self._shape_paths}
            return self.drawer.draw((self.seed, "row", shape, position), fixed)
        parts = self.choices(coordinates)
        index = search.get(self.search).index(position, prod(map(len, parts)), self.seed, shape)
        found: Coordinates = {}
        for part in reversed(parts):
            index, digit = divmod(index, len(part))
            found |= part[digit]
        return found

    @cached_property
    def drawer(self) -> draws.Drawer:
        """What draws points of a space that cannot be listed."""
        return draws.Drawer(self.axes, self.dependencies)

    @cached_property
    def _shape_paths(self) -> list[str]:
        return [axis.path for axis in self.axes if not axis.row]

    @cached_property
    def _row_choices(self) -> list[RowChoices]:
        return row_choices(self.axes, self.groups)
