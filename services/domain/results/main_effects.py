"""Main effects by least squares: how far each level of each axis lies above or below the mean.

The model of a point i with value yᵢ is the sum of what its levels contribute,

    yᵢ = μ + Σ_a e_a(level of i on a) + residual,

over the axes a that have a value at i, where Σ_v n_v · e_a(v) = 0 over the levels v of each axis, n_v points
each. So an effect is a difference from the mean of the points at which the axis has a value. If the axes are
orthogonal, as in a full grid, the effect of a level is the mean of its points minus that mean. Otherwise, as
after random search or where trials are missing, it is what the level adds while the other axes stay as they
are, on the assumption that contributions add up; what does not is in the residuals.

An axis with a condition divides only the points at which the condition holds: how these differ from the
others is an effect of the axis that the condition names.

Source: S. R. Searle, Linear Models (Wiley, 1971), chapters 4 and 5.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from services.domain.results.axis_levels import AxisLevels
from services.domain.results.intervals import CONFIDENCE
from services.domain.results.t_distribution import t_quantile

TOLERANCE = 1e-9  # relative; what is smaller is rounding

Matrix = list[list[float]]


@dataclass(frozen=True)
class FittedLevel:
    """A level's effect and half of its 95 % interval; None without a degree of freedom to judge by."""

    effect: float
    half: float | None


class MainEffects:
    """The model of some axes with at least two levels each, over the same points.

    `ValueError` if the points cannot separate the axes, as where two of them change together.
    """

    def __init__(self, axes: Sequence[AxisLevels]) -> None:
        self._axes = axes
        self._points = len(axes[0].at)
        self._columns = [_contrasts(axis.counts) for axis in axes]
        widths = [len(rows[0]) for rows in self._columns]
        self._first = [sum(widths[:place]) for place in range(len(axes))]  # column of each axis
        products = self._products()
        self.orthogonal = self._is_orthogonal(products)
        self._inverse = _inverse(products)

    @property
    def df(self) -> int:
        """The degrees of freedom of the residuals: points less the mean and what the axes add."""
        return self._points - 1 - len(self._inverse)

    def effects(self, values: Sequence[float]) -> list[list[float]]:
        """The effect of each level of each axis on values of the points."""
        mean = math.fsum(values) / self._points
        sums = []
        for axis, rows in zip(self._axes, self._columns, strict=True):
            totals = [0.0] * len(rows)
            for level, value in zip(axis.at, values, strict=True):
                if level is not None:
                    totals[level] += value - mean
            sums += [math.fsum(map(float.__mul__, column, totals)) for column in zip(*rows, strict=True)]
        coefficients = [math.fsum(map(float.__mul__, row, sums)) for row in self._inverse]
        return [
            [math.fsum(map(float.__mul__, row, coefficients[first:])) for row in rows]
            for first, rows in zip(self._first, self._columns, strict=True)
        ]

    def fit(self, values: Sequence[float]) -> list[list[FittedLevel]]:
        """The effects with intervals from what is not additive.

        Half an interval is t · s · √(c (XᵀX)⁻¹ cᵀ). The columns of X are the contrasts of the levels, c is
        the level's row of them, s² the sum of squared residuals divided by their degrees of freedom, and t
        leaves 2.5 % of Student's distribution above it. Interactions of axes count as noise here.
        """
        effects = self.effects(values)
        spread = self._spread(values, effects)
        wide = t_quantile(self.df, CONFIDENCE) * spread if spread else None
        return [
            [
                FittedLevel(effect, None if wide is None else wide * math.sqrt(self._variance(row, first)))
                for row, effect in zip(rows, found, strict=True)
            ]
            for first, rows, found in zip(self._first, self._columns, effects, strict=True)
        ]

    def _products(self) -> Matrix:
        """XᵀX, from how often levels occur together."""
        size = sum(len(rows[0]) for rows in self._columns)
        products = [[0.0] * size for _ in range(size)]
        for a, one in enumerate(self._axes):
            for b, other in enumerate(self._axes):
                pairs = Counter(zip(one.at, other.at, strict=True)) if b <= a else Counter()
                for (v, w), count in pairs.items():
                    if v is None or w is None:
                        continue
                    for i, left in enumerate(self._columns[a][v], self._first[a]):
                        for j, right in enumerate(self._columns[b][w], self._first[b]):
                            products[i][j] += count * left * right
        return [[products[max(i, j)][min(i, j)] for j in range(size)] for i in range(size)]

    def _is_orthogonal(self, products: Matrix) -> bool:
        """Whether the columns of each axis are orthogonal to those of every other one."""
        ends = [*self._first[1:], len(products)]
        return all(
            abs(products[i][j]) <= TOLERANCE * math.sqrt(products[i][i] * products[j][j])
            for first, end in zip(self._first, ends, strict=True)
            for i in range(first, end)
            for j in range(end, len(products))
        )

    def _spread(self, values: Sequence[float], effects: Sequence[Sequence[float]]) -> float | None:
        """The residuals' standard deviation; None without a degree of freedom, or if the model is exact."""
        if self.df < 1:
            return None
        mean = math.fsum(values) / self._points
        residuals = [
            value
            - mean
            - math.fsum(found[at] for found, at in zip(effects, levels, strict=True) if at is not None)
            for value, levels in zip(values, zip(*(axis.at for axis in self._axes), strict=True), strict=True)
        ]
        if max(map(abs, residuals)) <= TOLERANCE * max(map(abs, values)):
            return None
        return math.sqrt(math.fsum(residual**2 for residual in residuals) / self.df)

    def _variance(self, row: Sequence[float], first: int) -> float:
        """c (XᵀX)⁻¹ cᵀ of a level."""
        return math.fsum(
            left * right * self._inverse[first + i][first + j]
            for i, left in enumerate(row)
            for j, right in enumerate(row)
        )


def _contrasts(counts: Sequence[int]) -> list[list[float]]:
    """The columns of an axis as a row for each of its levels: L levels have L − 1 columns.

    Each level but the most frequent one, m, has a column: 1 at the level, −n_level / n_m at m, 0 elsewhere.
    So each column adds up to 0 over the points, whatever the counts.
    """
    most = max(range(len(counts)), key=counts.__getitem__)
    others = [level for level in range(len(counts)) if level != most]
    rows = [[float(level == other) for other in others] for level in range(len(counts))]
    rows[most] = [-counts[other] / counts[most] for other in others]
    return rows


def _inverse(matrix: Matrix) -> Matrix:
    """The inverse of a symmetric positive definite matrix, by Gauss and Jordan; `ValueError` if singular."""
    size = len(matrix)
    rows = [[*row, *(float(i == j) for j in range(size))] for i, row in enumerate(matrix)]
    for i in range(size):
        pivot = rows[i][i]
        if pivot <= TOLERANCE * matrix[i][i]:
            raise ValueError("the points do not separate the axes")
        rows[i] = own = [each / pivot for each in rows[i]]
        for j in range(size):
            if j != i and (factor := rows[j][i]):
                rows[j] = [each - factor * other for each, other in zip(rows[j], own, strict=True)]
    return [row[size:] for row in rows]
