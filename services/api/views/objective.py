"""What ranks a sweep's trials, as JSON."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel

from services.domain.spec.objective import Objective


class ObjectiveView(BaseModel):
    """The number that ranks trials: one metric, its direction, and which epoch's value counts."""

    metric: str
    goal: Literal["maximize", "minimize"]
    at: Literal["best", "last"]


def objective_view(objective: Objective) -> ObjectiveView:
    """An objective, complete."""
    return ObjectiveView(metric=objective.metric, goal=objective.goal, at=objective.at)
