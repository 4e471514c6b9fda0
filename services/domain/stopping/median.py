"""Median stopping: a point goes on while its best value so far is no worse than the median of averages.

Source: D. Golovin, B. Solnik, S. Moitra, G. Kochanski, J. Karro and D. Sculley, "Google Vizier: a service for
black-box optimization", KDD 2017, section 3.2.2. There trials are compared whenever one reports; here all
points of a sweep stand at the same epoch, so the same reports lead to the same decision.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from services.domain.spec.axis_forms import Whole
from services.domain.spec.objective import Objective
from services.domain.stopping import CohortPlan, PointAtRung, RungRule, best_first, register


@register
class Median(RungRule):
    """Compare the points after `first` epochs and then `every` so many."""

    needs_averages: ClassVar[bool] = True

    name: Literal["median"] = "median"
    first: Annotated[Whole, Field(ge=1)] = 1
    every: Annotated[Whole, Field(ge=1)] = 1

    def cohorts(self, points: int, epochs: int) -> list[CohortPlan]:
        """Compare all points with one another."""
        return [CohortPlan(points, tuple(range(self.first, epochs, self.every)))]

    def kept(self, there: Sequence[PointAtRung], rung: int, size: int, objective: Objective) -> list[int]:
        """Keep those whose value is no worse than the median of the averages, and always the best."""
        averages = [objective.key(each.average) for each in there]
        limit = median(averages) if averages else 0.0
        ordered = best_first(there, objective)
        good = [each.point for each in ordered if objective.key(each.value) <= limit]
        return good or [each.point for each in ordered[:1]]

    def first_wrong_rung(self, epochs: int) -> tuple[str, int] | None:
        """The first rung must lie before the last epoch."""
        return ("first", self.first) if self.first >= epochs else None
