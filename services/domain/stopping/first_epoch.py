"""First epoch: only the best points after one epoch train to the end.

Hard to beat, so every other rule has to be compared with it. Source: R. Egele, I. Guyon, Y. Sun and P.
Balaprakash, "Is one epoch all you need for multi-fidelity hyperparameter optimization?", arXiv 2307.15422.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from services.domain.spec.axis_forms import Whole
from services.domain.spec.objective import Objective
from services.domain.stopping import CohortPlan, PointAtRung, RungRule, best_first, register


@register
class FirstEpoch(RungRule):
    """Train the best `keep` points after one epoch to the end."""

    name: Literal["first-epoch"] = "first-epoch"
    keep: Annotated[Whole, Field(ge=1)] = 5

    def cohorts(self, points: int, epochs: int) -> list[CohortPlan]:
        """Compare all points with one another."""
        return [CohortPlan(points, (1,))]

    def kept(self, there: Sequence[PointAtRung], rung: int, size: int, objective: Objective) -> list[int]:
        """Keep the best ones."""
        return [each.point for each in best_first(there, objective)[: self.keep]]

    def first_wrong_rung(self, epochs: int) -> tuple[str, int] | None:
        """Its one rung needs a second epoch after it."""
        return ("", 1) if epochs <= 1 else None
