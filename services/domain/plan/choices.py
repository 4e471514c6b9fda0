"""The combinations of coordinates that axes can have together, made only when they are asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import BaseModel, ConfigDict

from services.domain.plan.axis import Axis, Coordinate, Coordinates


class Group(BaseModel):
    """Axes that depend on one another, and the combinations of indices that they can have together.

    An index is None where the axis has no value. `combinations` is None for a single axis that depends on no
    other: it can have all of its values.
    """

    model_config = ConfigDict(frozen=True)

    paths: list[str]
    combinations: list[list[int | None]] | None = None


class Choices:
    """The combinations of some axes, by index: one axis may have a million values."""

    def __init__(
        self, paths: Sequence[str], combinations: Sequence[Sequence[int | None]] | None, size: int
    ) -> None:
        self._paths, self._combinations, self._size = paths, combinations, size

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, index: int) -> Coordinates:
        found = (index,) if self._combinations is None else self._combinations[index]
        return {path: at for path, at in zip(self._paths, found, strict=True) if at is not None}

    def index(self, point: Coordinates) -> int:
        """The index of the combination that a point has; `ValueError` if it has none of them."""
        own = [point.get(path) for path in self._paths]
        if self._combinations is None:
            return int(own[0] or 0)
        return [list(each) for each in self._combinations].index(
            [None if at is None else int(at) for at in own]
        )


class RowChoices:
    """What the row axes of one group can have together, given the coordinates of a shape."""

    def __init__(self, group: Group, axes: Mapping[str, Axis]) -> None:
        own = [place for place, path in enumerate(group.paths) if axes[path].row]
        others = [place for place in range(len(group.paths)) if place not in own]
        self._paths = [group.paths[place] for place in own]
        self._others = [group.paths[place] for place in others]
        self._size = axes[self._paths[0]].size or 0
        self._by_others: dict[tuple[Coordinate | None, ...], list[tuple[int | None, ...]]] | None = None
        if group.combinations is not None:
            self._by_others = {}
            for combination in group.combinations:
                key = tuple(combination[place] for place in others)
                self._by_others.setdefault(key, []).append(tuple(combination[place] for place in own))

    def in_shape(self, shape: Coordinates) -> Choices:
        """The combinations in the shape with these coordinates."""
        if self._by_others is None:
            return Choices(self._paths, None, self._size)
        found = self._by_others.get(tuple(shape.get(path) for path in self._others), [])
        return Choices(self._paths, found, len(found))


def row_choices(axes: Sequence[Axis], groups: Sequence[Group]) -> list[RowChoices]:
    """What differs within a shape: one part for each group that has row axes."""
    by_path = {axis.path: axis for axis in axes}
    return [RowChoices(group, by_path) for group in groups if any(by_path[path].row for path in group.paths)]
