"""What a method of search is given to look at: choices with results, and choices that are being tried."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

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
    """A point that was asked for, and its results so that smaller is better.

    `value` is the one after all of its epochs: `math.inf` if it failed, None if there is none; `running`: it
    can still have one. `at_rungs` are those at which it was compared with others, by their epochs.
    """

    point: AskedPoint
    value: float | None = None
    running: bool = False
    at_rungs: Mapping[int, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Observations:
    """All that a method looks at: what was tried, and how it turned out, in the order of the asking.

    `values` are finite, smaller is better; `running` are being tried.
    """

    choices: Sequence[Choices]
    values: Sequence[float]
    running: Sequence[Choices] = ()

    @property
    def worst(self) -> float:
        """The greatest value that is known, 0 if none is."""
        return max(self.values, default=0.0)
