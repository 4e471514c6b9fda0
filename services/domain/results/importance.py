"""How important each axis is for reaching the best results: PED-ANOVA, with an interval by bootstrap.

An axis is important if the best points lie elsewhere on it than all points do. With p_top and p_all the
densities of the best γ of the points and of all on the axis, cut into cells k, PED-ANOVA measures that by the
Pearson divergence

    D = Σ_k p_all(k) · (p_top(k) / p_all(k) − 1)².

An axis with a condition is compared within the points at which it holds, and counts α² / β · D, where α is
the share of the best and β the share of all points at which it does. What is reported is each axis's share of
the sum over the axes. It says which axes decide whether a result is among the best, not how much they change
it: that is their effects.

Sources: S. Watanabe, A. Bansal, F. Hutter, "PED-ANOVA: Efficiently Quantifying Hyperparameter Importance in
Arbitrary Subspaces", IJCAI 2023 (arXiv 2304.10255); the conditions: K. Ito et al., "Conditional PED-ANOVA",
2026 (arXiv 2601.20800).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from services.domain.results.parzen import CellAxis, density

TOP_SHARE = 0.1  # γ: which share of the points counts as the best
MIN_TOP = 5  # points among the best, or their density means nothing
MIN_POINTS = 2 * MIN_TOP  # in all: with fewer the best would be the larger half
MIN_REGIME = 2  # points at which a conditional axis has a value, or it is not judged
RESAMPLES = 200
SEED = 0  # of the resamples: the same points have the same interval


@dataclass(frozen=True)
class Importance:
    """An axis's share of the importance of all axes, 0 … 1, with the ends of its 95 % interval."""

    share: float
    low: float
    high: float


def importances(axes: Sequence[CellAxis], scores: Sequence[float]) -> list[Importance] | None:
    """The importance of each axis from its cells of the points and their scores, of which smaller is better.

    The best are a tenth of the points, at least MIN_TOP, and those that equal the last of them. The interval
    of a share s is the basic bootstrap's: from 2 s − q(97.5 %) to 2 s − q(2.5 %), where q is a quantile of
    the share over RESAMPLES samples of n of the n points with replacement, cut off at 0 and 1. By chance the
    best points always lie somewhat apart, and those of a sample, where some are there twice, even more: the
    basic interval takes this excess off, while percentiles would add it once more and lie above 0 for an axis
    without any importance. None for fewer than MIN_POINTS points or one axis, and if the best are not to be
    distinguished from the rest.

    Source: A. C. Davison and D. V. Hinkley, Bootstrap Methods and their Application (Cambridge, 1997), 5.2.
    """
    n = len(scores)
    if n < MIN_POINTS or len(axes) < 2:
        return None
    order = sorted(range(n), key=scores.__getitem__)
    sample = _Sample([axis.reordered(order) for axis in axes], [scores[place] for place in order])
    shares = sample.shares(range(n))
    if shares is None:
        return None
    random = Random(SEED)  # noqa: S311 (of no secret)
    resampled = [
        found for _ in range(RESAMPLES) if (found := sample.shares(sorted(random.choices(range(n), k=n))))
    ]
    return [
        _with_interval(share, sorted(each))
        for share, each in zip(shares, zip(shares, *resampled, strict=True), strict=True)
    ]


def top_count(points: int) -> int:
    """How many of so many points are the best: a tenth, at least MIN_TOP."""
    return max(math.ceil(TOP_SHARE * points), MIN_TOP)


class _Sample:
    """Points from the best to the worst, of which some can be chosen, some of them repeatedly."""

    def __init__(self, axes: Sequence[CellAxis], scores: Sequence[float]) -> None:
        self._axes = axes
        self._last_equal = list(range(len(scores)))
        for place in range(len(scores) - 2, -1, -1):
            if scores[place] == scores[place + 1]:
                self._last_equal[place] = self._last_equal[place + 1]

    def shares(self, places: Sequence[int]) -> list[float] | None:
        """Each axis's share of the importance, over these places in rising order; None if all have none."""
        n = len(places)
        cut = self._last_equal[places[top_count(n) - 1]]
        top = [place for place in places if place <= cut]
        if len(top) == n:
            return None
        weights = [_weight(axis, places, top) for axis in self._axes]
        total = sum(weights)
        return [weight / total for weight in weights] if total > 0 else None


def _weight(axis: CellAxis, places: Sequence[int], top: Sequence[int]) -> float:
    """α² / β · D of an axis."""
    everywhere = Counter(map(axis.at.__getitem__, places))
    best = Counter(map(axis.at.__getitem__, top))
    inactive, inactive_best = everywhere.pop(None, 0), best.pop(None, 0)
    active, active_best = len(places) - inactive, len(top) - inactive_best
    if active < MIN_REGIME or not active_best:
        return 0.0
    p_all, p_top = density(axis, everywhere), density(axis, best)
    divergence = math.fsum(a * (t / a - 1) ** 2 for a, t in zip(p_all, p_top, strict=True))
    return (active_best / len(top)) ** 2 / (active / len(places)) * divergence


def _with_interval(share: float, resampled: Sequence[float]) -> Importance:
    """A share with the ends of its basic bootstrap interval, which is widened to hold the share."""
    low, high = 2 * share - _quantile(resampled, 0.975), 2 * share - _quantile(resampled, 0.025)
    return Importance(share, max(0.0, min(share, low)), min(1.0, max(share, high)))


def _quantile(ordered: Sequence[float], share: float) -> float:
    """The value at a share of sorted values, without interpolation."""
    return ordered[min(len(ordered) - 1, math.floor(share * len(ordered)))]
