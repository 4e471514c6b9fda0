"""Which trials of a plan have been drawn: all below a number, and the first ones of some later shapes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from services.domain.plan.plan import Plan


@dataclass(frozen=True)
class Drawn:
    """Every number below `below`, and those that were drawn ahead of others.

    `ahead` are ranges of numbers, each by its first one, with the number behind its last one. A range begins
    where a stretch of one shape does, stays in it, and lies above `below`: as soon as all before it is drawn,
    it goes into that.
    """

    below: int = 0
    ahead: Mapping[int, int] = field(default_factory=dict)

    def next(self, plan: Plan, shapes: Collection[int] | None = None) -> int | None:
        """The first number that is not drawn, of these shapes if some are given; None if there is none."""
        if shapes is None:
            return self.below if self.below < plan.trials else None
        for shape, numbers in plan.numbers_by_stretch:
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
            [stretch] = (own for _, own in plan.numbers_by_stretch if numbers.start in own)
            ahead[stretch.start] = numbers.stop
        while below in ahead:
            below = ahead.pop(below)
        return Drawn(below, ahead)

    def up_to(self, stop: int) -> Drawn:
        """The same after all numbers below one."""
        below, ahead = max(self.below, stop), dict(self.ahead)
        for first in sorted(self.ahead):
            if first <= below:
                below = max(below, ahead.pop(first))
        return Drawn(below, ahead)

    def has(self, number: int) -> bool:
        """Whether a trial has been drawn."""
        return number < self.below or any(first <= number < stop for first, stop in self.ahead.items())

    def left_by_shape(self, plan: Plan) -> dict[int, int]:
        """How many trials of each shape are not drawn.

        Those of a search by results are spread evenly over the shapes: nobody knows better.
        """
        if plan.asked is not None:
            return dict.fromkeys(range(len(plan.shapes)), (plan.trials - self.below) // len(plan.shapes))
        found = Counter[int]()
        for shape, numbers in plan.numbers_by_stretch:
            found[shape] += self.left(numbers)
        return found

    def left(self, numbers: range) -> int:
        """How many numbers of a stretch are not drawn."""
        return max(0, numbers.stop - self._first_left(numbers))

    def _first_left(self, numbers: range) -> int:
        return max(self.below, self.ahead.get(numbers.start, numbers.start))
