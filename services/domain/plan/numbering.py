"""Numbers of points and trials: which shape, point and replicate a number stands for.

Points are numbered stretch by stretch, and so are trials. A stretch are points of one shape, so neighbours
can train together: first those that the user lists, then those of each shape that the search visits. Within
a stretch a mixed shape counts replicates first, any other one points first: then the rows of an array share
their batches.
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

    stretch: int
    point: int
    replicate: int
    position: int
    together: int


class Numbering:
    """The numbers of a sweep: of each stretch its points and whether it is mixed; the seeds of a point."""

    def __init__(self, points: Sequence[int], mixed: Sequence[bool], seeds: int) -> None:
        self._points, self._mixed, self._seeds = points, mixed, seeds
        self._ends = list(accumulate(points))

    @property
    def points(self) -> int:
        """How many points there are."""
        return self._ends[-1] if self._ends else 0

    def stretch_of(self, point: int) -> int:
        """The index of a point's stretch."""
        if not 0 <= point < self.points:
            raise IndexError(f"the sweep has points 0 … {self.points - 1}, got {point}")
        return bisect_right(self._ends, point)

    def first_of(self, stretch: int) -> int:
        """The first point of a stretch."""
        return self._ends[stretch] - self._points[stretch]

    def place_of(self, trial: int) -> TrialPlace:
        """The place of the trial with this number."""
        stretch = self.stretch_of(trial // self._seeds)
        first, points = self.first_of(stretch), self._points[stretch]
        local = trial - first * self._seeds
        if self._mixed[stretch]:
            point, replicate = divmod(local, self._seeds)
            return TrialPlace(stretch, first + point, replicate, local, points * self._seeds)
        replicate, point = divmod(local, points)
        return TrialPlace(stretch, first + point, replicate, point, points)
