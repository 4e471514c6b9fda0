"""Which trials of a plan have been drawn: all below a number, and the first ones of some later shapes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from services.domain.plan.plan import Plan


@dataclass(frozen=True)
class Drawn:
    """Every number below `below`, and those that were drawn ahead of others.

    `ahead` are ranges of numbers, each by its first one, with the number behind its last one. A range begins
    where a shape does, stays in it, and lies above `below`: as soon as all before it is drawn, it goes into
    that.
    """

    below: int = 0
    ahead: Mapping[int, int] = field(default_factory=dict)

    def next(self, plan: Plan, shapes: Collection[int] | None = None) -> int | None:
        """The first number that is not drawn, of these shapes if some are given; None if there is none."""
        if shapes is None:
            return self.below if self.below < plan.trials else None
        for shape, numbers in enumerate(plan.numbers_by_shape):
            first = self._first_left(numbers)
            if shape in shapes and first < numbers.stop:
                return first
        return None

    def and_also(self, plan: Plan, numbers: range) -> Drawn:
        """The same after these numbers, of one shape, from one on that `next` has returned."""
        below, ahead = self.below, dict(self.ahead)
        if numbers.start == below:
            below = numbers.stop
        else:
            [of_shape] = (own for own in plan.numbers_by_shape if numbers.start in own)
            ahead[of_shape.start] = numbers.stop
        while below in ahead:
            below = ahead.pop(below)
        return Drawn(below, ahead)

    def left(self, numbers: range) -> int:
        """How many numbers of a shape's are not drawn."""
        return max(0, numbers.stop - self._first_left(numbers))

    def _first_left(self, numbers: range) -> int:
        return max(self.below, self.ahead.get(numbers.start, numbers.start))
