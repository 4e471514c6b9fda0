"""Numbers of points and trials: which shape, point and replicate a number stands for.

Points are numbered shape by shape, and so are trials, so that neighbours can train together. Within a shape a
mixed one counts replicates first, any other one points first: then the rows of an array share their batches.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate


@dataclass(frozen=True)
class TrialPlace:
    """Where a trial's number leads: `position` counts the earlier trials that may share its array.

    `together` is how many trials may share arrays with it, itself among them.
    """

    shape: int
    point: int
    replicate: int
    position: int
    together: int


class Numbering:
    """The numbers of a sweep: of each shape its points, whether it is mixed; and the seeds of each point."""

    def __init__(self, points: Sequence[int], mixed: Sequence[bool], seeds: int) -> None:
        self._points, self._mixed, self._seeds = points, mixed, seeds
        self._ends = list(accumulate(points))

    @property
    def points(self) -> int:
        """How many points there are."""
        return self._ends[-1] if self._ends else 0

    def shape_of(self, point: int) -> int:
        """The index of a point's shape."""
        if not 0 <= point < self.points:
            raise IndexError(f"the sweep has points 0 … {self.points - 1}, got {point}")
        return bisect_right(self._ends, point)

    def first_of(self, shape: int) -> int:
        """The first point of a shape."""
        return self._ends[shape] - self._points[shape]

    def place_of(self, trial: int) -> TrialPlace:
        """The place of the trial with this number."""
        shape = self.shape_of(trial // self._seeds)
        first, points = self.first_of(shape), self._points[shape]
        local = trial - first * self._seeds
        if self._mixed[shape]:
            point, replicate = divmod(local, self._seeds)
            return TrialPlace(shape, first + point, replicate, local, points * self._seeds)
        replicate, point = divmod(local, points)
        return TrialPlace(shape, first + point, replicate, point, points)
