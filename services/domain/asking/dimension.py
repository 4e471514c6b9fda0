"""A dimension: what a method of search varies by itself, an axis or the axes of one zip."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from services.domain.plan.axis import Axis, Coordinate, ListedAxis

Kind = Literal["real", "steps", "categories"]
# A position on a dimension: an index or, on a real one, the share of the range that lies below, from 0 to 1.
Choice = int | float
Choices = Mapping[str, Choice]  # by the names of dimensions; one without a value at the point is missing


@dataclass(frozen=True)
class Dimension:
    """One thing to choose; `size` is the number of choices, None for a real one.

    `steps` lie in an order, as the numbers of a list do, equally far apart; `categories` have none.
    """

    name: str
    kind: Kind
    size: int | None = None

    def at(self, share: float) -> Choice:
        """The choice at a share of the dimension, from 0 to 1."""
        if self.size is None:
            return min(max(share, 0.0), 1.0)
        return min(max(math.floor(share * self.size), 0), self.size - 1)

    def share(self, choice: Choice) -> float:
        """Where a choice lies, from 0 to 1: of a step the middle of its part."""
        return float(choice) if self.size is None else (int(choice) + 0.5) / self.size

    def of(self, axis: Axis, coordinate: Coordinate) -> Choice:
        """The choice that puts an axis at a coordinate."""
        if self.size is not None or isinstance(axis, ListedAxis):
            return int(coordinate)
        return axis.share(float(coordinate))

    def coordinate(self, axis: Axis, choice: Choice) -> Coordinate:
        """Where a choice puts an axis."""
        return axis.at(float(choice)) if self.size is None else int(choice)


def dimension(name: str, axes: Sequence[Axis]) -> Dimension:
    """The dimension of some axes that are chosen together: of one axis, or of the axes of one zip.

    A list whose values are numbers that only rise or only fall is one of steps, any other one of categories.
    """
    size = axes[0].size
    if size is None:
        return Dimension(name, "real")
    ordered = any(not isinstance(axis, ListedAxis) or _in_order(axis.written) for axis in axes)
    return Dimension(name, "steps" if ordered and size > 2 else "categories", size)


def _in_order(values: Sequence[object]) -> bool:
    numbers = [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
    pairs = list(pairwise(numbers))
    return len(numbers) == len(values) and (all(a < b for a, b in pairs) or all(a > b for a, b in pairs))
