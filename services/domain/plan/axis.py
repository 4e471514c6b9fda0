"""An axis of a plan: a list of values or a range, and where a point lies on it."""

from __future__ import annotations

import math
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

DRAWN_DIGITS = 6  # significant digits of a drawn number: enough to tell trials apart, few enough to read
COUNTED_DIGITS = 12  # significant digits of a value that is counted in steps

# Where a point lies on an axis: the index of a value or, on a range without steps, the number itself.
Coordinate = int | float
# Where a point lies on several axes, by their paths. An axis that has no value at the point is missing.
Coordinates = dict[str, Coordinate]


class ListedAxis(BaseModel):
    """An axis that lists its values, each of them completed by the catalog and as the user wrote it."""

    model_config = ConfigDict(frozen=True)

    kind: Literal["listed"] = "listed"
    name: str  # as the user wrote it: the path or its end
    path: str
    row: bool  # trials that differ on this axis can be rows of one array
    values: list[Any]
    written: list[Any]

    @property
    def size(self) -> int:
        """The number of values."""
        return len(self.values)

    def at(self, share: float) -> Coordinate:
        """The coordinate at a share of the axis, from 0 up to but not including 1."""
        return math.floor(share * self.size)

    def value(self, coordinate: Coordinate) -> Any:
        """The completed value at a coordinate."""
        return self.values[int(coordinate)]

    def as_written(self, coordinate: Coordinate) -> Any:
        """The value at a coordinate as the user wrote it."""
        return self.written[int(coordinate)]

    def coordinate_of(self, value: Any) -> Coordinate | None:
        """The coordinate of a completed value; None if the axis does not have it."""
        return next((index for index, own in enumerate(self.values) if _same(own, value)), None)


class RangeAxis(BaseModel):
    """An axis of the numbers from `low` to `high`: those at a whole number of steps, or all of them.

    `step` is added, or multiplied by if `log`; None for a range without steps. `whole`: the values are
    integers.
    """

    model_config = ConfigDict(frozen=True)

    values: ClassVar[None] = None  # it lists none

    kind: Literal["range"] = "range"
    name: str
    path: str
    row: bool
    low: float
    high: float
    step: float | None = None
    log: bool = False
    whole: bool = False

    @property
    def size(self) -> int | None:
        """The number of values; None for a range without steps.

        It is ⌊span / step⌋ + 1, with the span and the step as logarithms if `log`.
        """
        if self.step is None:
            return None
        if self.log:
            span, step = math.log(self.high / self.low), math.log(self.step)
        else:
            span, step = self.high - self.low, self.step
        return math.floor(span / step + 1e-9) + 1  # rounding does not cost it the last value

    def at(self, share: float) -> Coordinate:
        """The coordinate at a share of the range, from 0 to 1; of a range with steps 1 itself is not one."""
        size = self.size
        return self._number(share) if size is None else math.floor(share * size)

    def value(self, coordinate: Coordinate) -> Any:
        """The value at a coordinate."""
        if self.step is None:
            return coordinate
        index = int(coordinate)
        exact = self.low * self.step**index if self.log else self.low + self.step * index
        return round(exact) if self.whole else float(f"{exact:.{COUNTED_DIGITS}g}")

    def as_written(self, coordinate: Coordinate) -> Any:
        """The same: the values of a range need no completion."""
        return self.value(coordinate)

    def share(self, number: float) -> float:
        """The share of a range without steps that lies below a number, in the logarithm if `log`."""
        if self.log:
            return math.log(number / self.low) / math.log(self.high / self.low)
        return (number - self.low) / (self.high - self.low)

    def coordinate_of(self, value: Any) -> Coordinate | None:
        """The coordinate of a value; None if it lies outside the range, or between two steps."""
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not self.low <= value <= self.high
        ):
            return None
        size = self.size
        if size is None or self.step is None:
            return value
        steps = (
            math.log(value / self.low) / math.log(self.step) if self.log else (value - self.low) / self.step
        )
        index = round(steps)
        return index if 0 <= index < size and self.value(index) == value else None

    def _number(self, share: float) -> float:
        """The number at a share of a range without steps, rounded."""
        if self.log:
            exact = math.exp(math.log(self.low) + share * (math.log(self.high) - math.log(self.low)))
        else:
            exact = self.low + share * (self.high - self.low)
        return min(max(float(f"{exact:.{DRAWN_DIGITS}g}"), self.low), self.high)


def _same(a: Any, b: Any) -> bool:
    """Whether two values are one: JSON has one kind of number, and true is none."""
    return isinstance(a, bool) == isinstance(b, bool) and bool(a == b)


Axis = Annotated[ListedAxis | RangeAxis, Field(discriminator="kind")]
