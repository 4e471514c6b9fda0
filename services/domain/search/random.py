"""Random search: some distinct points of the space, every set of them equally likely.

If the space has ranges without steps, points are drawn one by one instead (services/domain/plan/draws.py).
Source: J. Bergstra and Y. Bengio, "Random search for hyper-parameter optimization", JMLR 13 (2012).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

from services.domain.random_numbers import permuted, unpermuted
from services.domain.search import IndexedSearch, register


@register
class Random(IndexedSearch):
    """Distinct points of the space, every set of them equally likely."""

    needs_max_trials = True
    takes_open_ranges = True
    draws_points = True

    def visits(self, sizes: Sequence[int], points: int | None, seed: int) -> list[int]:
        """Count how many of the first `points` of a random order of the whole space fall into each shape."""
        total = sum(sizes)
        if points is None or points >= total:
            return list(sizes)
        ends = list(accumulate(sizes))
        counts = [0] * len(sizes)
        for position in range(points):
            counts[bisect_right(ends, permuted(position, total, seed, "space"))] += 1
        return counts

    def index(self, position: int, size: int, seed: int, shape: int) -> int:
        """Visit them in a random order of the shape's own."""
        return permuted(position, size, seed, "shape", shape)

    def position(self, index: int, size: int, seed: int, shape: int) -> int:
        """Return where the random order has it."""
        return unpermuted(index, size, seed, "shape", shape)
