"""What a method of search is given to look at: choices with results, and choices that are being tried."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from services.domain.asking.dimension import Choices
from services.domain.plan.axis import Coordinates


@dataclass(frozen=True)
class AskedPoint:
    """A point, with the choices that lead to it and a key that no other point has."""

    coordinates: Coordinates
    choices: Choices
    key: str


@dataclass(frozen=True, slots=True)
class PointResult:
    """A point that was asked for, and its result so that smaller is better.

    `math.inf` for one that failed, None for one without a result; `running`: it can still have one.
    """

    point: AskedPoint
    value: float | None = None
    running: bool = False


@dataclass(frozen=True)
class Observations:
    """All that a method looks at: what was tried, and how it turned out, in the order of the asking.

    `values` are finite, smaller is better; `running` are being tried.
    """

    choices: Sequence[Choices]
    values: Sequence[float]
    running: Sequence[Choices] = ()

    def __len__(self) -> int:
        return len(self.values)

    @property
    def worst(self) -> float:
        """The greatest value that is known, 0 if none is."""
        return max(self.values, default=0.0)

    def some(self, indices: Sequence[int], running: int) -> Observations:
        """The results that have these indices, and the latest of those that are being tried, so many."""
        choices, values = [self.choices[at] for at in indices], [self.values[at] for at in indices]
        return Observations(choices, values, self.running[-running:])


def observations(results: Sequence[PointResult]) -> Observations:
    """What a method looks at of some results; a point that failed has the worst value of the others."""
    choices: list[Choices] = []
    values: list[float] = []
    running: list[Choices] = []
    for each in results:
        if each.value is not None:
            choices.append(each.point.choices)
            values.append(each.value)
        elif each.running:
            running.append(each.point.choices)
    worst = max(filter(math.isfinite, values), default=0.0)
    return Observations(choices, [value if math.isfinite(value) else worst for value in values], running)
