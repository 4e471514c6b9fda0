"""Successive halving and, with brackets, Hyperband: at each rung the best share of the points goes on.

Sources: K. Jamieson and A. Talwalkar, "Non-stochastic best arm identification and hyperparameter
optimization", AISTATS 2016; L. Li, K. Jamieson, G. DeSalvo, A. Rostamizadeh and A. Talwalkar, "Hyperband: a
novel bandit-based approach to hyperparameter optimization", JMLR 18 (2018).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate, count, takewhile
from typing import Annotated, Literal, Self

from pydantic import Field

from services.domain.spec.axis_forms import Whole
from services.domain.spec.objective import Objective
from services.domain.stopping import CohortPlan, PointAtRung, RungRule, best_first, register


@register
class Halving(RungRule):
    """Compare points after `first`, first·eta, first·eta², … epochs; each time one in `eta` goes on.

    Of n points that began, ⌊n / etaⁱ⌋ go on at the i-th rung, but at least one. With several `brackets`
    bracket b begins at first·etaᵇ, and the points are divided so that all brackets train about as many
    epochs. `cohort` points are compared with one another; without it all points are or, of a search by
    results, as few as still leave one at the last rung, so that results come while points are asked for.
    """

    name: Literal["halving"] = "halving"
    eta: Annotated[Whole, Field(ge=2, le=100)] = 3
    first: Annotated[Whole, Field(ge=1)] = 1
    brackets: Annotated[Whole, Field(ge=1, le=20)] = 1
    cohort: Annotated[Whole, Field(ge=2)] | None = None

    def by_results(self, epochs: int, least: int) -> Self:
        """Without `cohort`, the smallest in which one in eta goes on at every rung of each bracket."""
        if self.cohort is not None:
            return self
        needed = [self.eta ** len(self._rungs(bracket, epochs)) for bracket in range(self.brackets)]

        def is_enough(points: int) -> bool:
            return all(own >= most for own, most in zip(self._shares(points, epochs), needed, strict=True))

        parts = zip(needed, self._parts(epochs), strict=True)
        start = max(least, *(math.floor((most - 1) / part) for most, part in parts))
        return self.model_copy(update={"cohort": next(filter(is_enough, count(start)))})

    def block(self, points: int) -> int:
        """Divide each part of `cohort` points by itself."""
        return min(self.cohort or points, points)

    def cohorts(self, points: int, epochs: int) -> list[CohortPlan]:
        """Divide the points among the brackets, in each part of `cohort` points anew."""
        each = self.block(points)
        parts = [each] * (points // each) + ([points % each] if points % each else [])
        return [
            CohortPlan(own, self._rungs(bracket, epochs))
            for part in parts
            for bracket, own in enumerate(self._shares(part, epochs))
            if own
        ]

    def kept(self, there: Sequence[PointAtRung], rung: int, size: int, objective: Objective) -> list[int]:
        """Keep one in eta of those that began, for each rung so far."""
        most = max(1, size // self.eta ** (rung + 1))
        return [each.point for each in best_first(there, objective)[:most]]

    def first_wrong_rung(self, epochs: int) -> tuple[str, int] | None:
        """The first rung of each bracket must lie before the last epoch; the last bracket may have none."""
        if self.first >= epochs:
            return "first", self.first
        last = self.first * self.eta ** max(0, self.brackets - 2)
        return ("brackets", last) if last >= epochs else None

    def _rungs(self, bracket: int, epochs: int) -> tuple[int, ...]:
        rungs = (self.first * self.eta ** (bracket + step) for step in count())
        return tuple(takewhile(lambda rung: rung < epochs, rungs))

    def _shares(self, points: int, epochs: int) -> list[int]:
        """The points of each bracket: inversely to the epochs that one point of it trains on average."""
        ends = [round(points * end) for end in accumulate(self._parts(epochs))]
        return [end - start for start, end in zip([0, *ends], ends, strict=False)]

    def _parts(self, epochs: int) -> list[float]:
        """The part of all points that is each bracket's, of a sum of 1."""
        weights = [1 / self._epochs_per_point(self._rungs(b, epochs), epochs) for b in range(self.brackets)]
        return [weight / sum(weights) for weight in weights]

    def _epochs_per_point(self, rungs: Sequence[int], epochs: int) -> float:
        spans = zip([0, *rungs], [*rungs, epochs], strict=True)
        return sum((end - start) / float(self.eta) ** step for step, (start, end) in enumerate(spans))
