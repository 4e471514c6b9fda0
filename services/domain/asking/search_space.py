"""A space as methods of search see it: its dimensions, and which of their choices are points of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from math import prod
from typing import Any

from services.domain.asking.dimension import Choice, Dimension, dimension
from services.domain.asking.observations import AskedPoint
from services.domain.plan.axis import Axis, Coordinates
from services.domain.plan.choices import Group
from services.domain.plan.dependencies import Dependencies


class SearchSpace:
    """The axes of a space, and how they depend on one another.

    `groups` say what dependent axes can have together; they are empty for a space that cannot be listed.
    """

    def __init__(self, axes: Sequence[Axis], dependencies: Dependencies, groups: Sequence[Group]) -> None:
        self.axes = {axis.path: axis for axis in axes}
        self._dependencies, self._groups = dependencies, groups
        self._constrained = set(dependencies.aliases.values()) if dependencies.constraints else set()
        self._conditions = {
            path: [
                (each.on, frozenset(each.indices)) for each in dependencies.conditions if each.axis == path
            ]
            for path in self.axes
        }
        self._order = dependencies.order(list(self.axes))
        together: dict[str, list[Axis]] = {}
        for path in self._order:
            together.setdefault(dependencies.first_of_zip(path), []).append(self.axes[path])
        self._all = {first: dimension(first, zipped) for first, zipped in together.items()}

    @cached_property
    def dimensions(self) -> list[Dimension]:
        """What there is to choose: each dimension that has more than one choice."""
        return [each for each in self._all.values() if each.size != 1]

    @cached_property
    def size(self) -> int | None:
        """How many points there are; None where they cannot be listed."""
        if self.axes and not self._groups:
            return None
        return prod(self._group_size(group) for group in self._groups)

    def point(self, choose: Callable[[Dimension], Choice]) -> AskedPoint:
        """The point that a method chooses; it is asked once for each dimension that has a value there.

        An axis is asked for after those that its conditions name.
        """
        found: Coordinates = {}
        chosen: dict[str, Choice] = {}
        for path in self._order:
            if not self._has_value(path, found):
                continue
            first = self._dependencies.first_of_zip(path)
            each = self._all[first]
            if first not in chosen:
                chosen[first] = 0 if each.size == 1 else choose(each)
            found[path] = each.coordinate(self.axes[path], chosen[first])
        return self.at(found)

    def at(self, coordinates: Coordinates) -> AskedPoint:
        """The point with these coordinates."""
        choices: dict[str, Choice] = {}
        for path in self._order:
            each = self._all[self._dependencies.first_of_zip(path)]
            if path in coordinates and each.size != 1 and each.name not in choices:
                choices[each.name] = each.of(self.axes[path], coordinates[path])
        ordered = [coordinates.get(path) for path in self._order]
        return AskedPoint(coordinates, choices, repr(ordered))

    def is_met(self, coordinates: Coordinates) -> bool:
        """Whether a point meets the constraints."""
        if not self._constrained:
            return True
        named = {path: at for path, at in coordinates.items() if path in self._constrained}
        written = {path: self.axes[path].as_written(at) for path, at in named.items()}
        return self._dependencies.constraints_hold(written)

    def listed(self, index: int) -> AskedPoint:
        """The point with this index, from 0 up to but not including `size`."""
        found: Coordinates = {}
        for group in reversed(self._groups):
            index, digit = divmod(index, self._group_size(group))
            at = [digit] if group.combinations is None else group.combinations[digit]
            found |= {path: one for path, one in zip(group.paths, at, strict=True) if one is not None}
        return self.at(found)

    def point_of(self, values: Mapping[str, Any]) -> AskedPoint | None:
        """The point with these values, by path; None where an axis does not have its value.

        Values of axes that have none at the point are passed over, and constraints are not looked at.
        """
        found: Coordinates = {}
        for path in self._order:
            if not self._has_value(path, found):
                continue
            coordinate = self.axes[path].coordinate_of(values[path]) if path in values else None
            if coordinate is None:
                return None
            found[path] = coordinate
        zipped = ({found[path] for path in paths if path in found} for paths in self._dependencies.zips)
        return self.at(found) if all(len(at) <= 1 for at in zipped) else None

    def _has_value(self, path: str, found: Coordinates) -> bool:
        return all(found.get(on) in indices for on, indices in self._conditions[path])

    def _group_size(self, group: Group) -> int:
        return (
            (self.axes[group.paths[0]].size or 0) if group.combinations is None else len(group.combinations)
        )
