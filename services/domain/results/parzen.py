"""Densities of points on an axis in cells: Parzen's estimate for ranges, smoothed counts for lists."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, pairwise
from operator import mul
from typing import Any

from services.domain.plan.axis import Axis, ListedAxis, RangeAxis

MAX_CELLS = 50  # of a range
FLOOR = 1e-12  # of a density, by which others are divided
MIN_WIDTH = 0.5 / 1.64  # of a kernel, in cells: 90 % of it then lie within one cell
SCOTT = 1.059  # (4 / 3)^(1/5)
NORMAL_IQR = 1.34  # standard deviations between the quartiles of a normal distribution


@dataclass(frozen=True)
class CellAxis:
    """The cell of each point on an axis; None where the axis has no value. `ordered`: cells are a range's."""

    cells: int
    ordered: bool
    at: Sequence[int | None]

    def reordered(self, order: Sequence[int]) -> CellAxis:
        """The same for the points in another order."""
        return CellAxis(self.cells, self.ordered, [self.at[place] for place in order])


def cells_of(axis: Axis, points: Sequence[Mapping[str, Any]]) -> CellAxis:
    """Find the cell of each point, from its values by path.

    A list has a cell for each value. A range has its values as cells, or MAX_CELLS whose middles lie at equal
    distances from its low end to its high one, on the scale of the axis; a value between two goes to the
    nearer one.
    """
    if isinstance(axis, ListedAxis):
        places: list[int | None] = [
            axis.values.index(point[axis.path]) if axis.path in point else None for point in points
        ]
        return CellAxis(axis.size, False, places)
    cells = min(axis.size or MAX_CELLS, MAX_CELLS)
    places = [_cell(axis, point[axis.path], cells) if axis.path in point else None for point in points]
    return CellAxis(cells, True, places)


def density(axis: CellAxis, counts: Mapping[int | None, int]) -> list[float]:
    """The density over the cells of so many points in each; they add up to 1, but for FLOOR.

    One additional observation is spread over all cells, so that none has a density of 0.
    """
    observed = sorted((cell, count) for cell, count in counts.items() if cell is not None)
    return _parzen(observed, axis.cells) if axis.ordered else _smoothed(observed, axis.cells)


def _cell(axis: RangeAxis, value: float, cells: int) -> int:
    low, high, at = (math.log(each) if axis.log else each for each in (axis.low, axis.high, value))
    place = (at - low) / (high - low) * (cells - 1) if cells > 1 else 0
    return min(max(math.ceil(place - 0.5), 0), cells - 1)


def _smoothed(observed: Sequence[tuple[int, int]], cells: int) -> list[float]:
    """A mixture of a kernel for each observed cell and the uniform distribution.

    With m observed cells, the kernel of one is 1 at it plus 1 / (m + 1) at every cell, divided by the sum.
    """
    total = sum(count for _, count in observed)
    added = 1 / (len(observed) + 1)
    norm = 1 + cells * added
    even = (total * added / norm + 1 / cells) / (total + 1) + FLOOR
    found = [even] * cells
    for cell, count in observed:
        found[cell] += count / norm / (total + 1)
    return found


def _parzen(observed: Sequence[tuple[int, int]], cells: int) -> list[float]:
    """A mixture of normal kernels around the observed cells and a wide one, each cut off at the ends.

    The width is Scott's rule, 1.059 · min(IQR / 1.34, sd) · N^(−1/5), at least MIN_WIDTH.

    Source: D. W. Scott, Multivariate Density Estimation (Wiley, 1992).
    """
    places, counts = zip(*observed, strict=True)
    total = sum(counts)
    edges = _edges(_width(places, counts), cells)
    kernel = [after - before for before, after in pairwise(edges)]
    weights = [0.0] * cells  # each divided by what of its kernel lies within the cells
    for place, count in observed:
        weights[place] = count / (edges[2 * cells - 1 - place] - edges[cells - 1 - place])
    # kernel[cells − 1 + d] is the mass at a distance d, the same for −d.
    return [
        (sum(map(mul, weights, kernel[cells - 1 - k : 2 * cells - 1 - k])) + wide) / (total + 1) + FLOOR
        for k, wide in enumerate(_wide(cells))
    ]


@lru_cache(maxsize=MAX_CELLS)
def _wide(cells: int) -> list[float]:
    """The density of the additional observation: normal, as wide as all cells, cut off at the ends."""
    edges = [_normal((k - 0.5 - (cells - 1) / 2) / cells) for k in range(cells + 1)]
    return [(after - before) / (edges[-1] - edges[0]) for before, after in pairwise(edges)]


def _width(places: Sequence[int], counts: Sequence[int]) -> float:
    total = sum(counts)
    mean = sum(place * count for place, count in zip(places, counts, strict=True)) / total
    squares = sum((place - mean) ** 2 * count for place, count in zip(places, counts, strict=True))
    sums = list(accumulate(counts))
    last = len(places) - 1
    iqr = places[min(last, bisect_right(sums, total * 3 // 4))] - places[bisect_left(sums, total // 4)]
    spread = min(iqr / NORMAL_IQR, math.sqrt(squares / max(1, total - 1)))
    return max(SCOTT * spread / math.pow(total, 0.2), MIN_WIDTH)


def _edges(width: float, cells: int) -> list[float]:
    """A normal distribution's mass below each edge of 2 · `cells` − 1 cells, its mean in the middle one."""
    above = [_normal((k - 0.5) / width) for k in range(1, cells + 1)]
    return [*(1 - mass for mass in reversed(above)), *above]


def _normal(z: float) -> float:
    return 0.5 * math.erfc(-z / math.sqrt(2))
