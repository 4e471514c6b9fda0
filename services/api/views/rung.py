"""What was decided of a trial at a rung, as JSON."""

from __future__ import annotations

from pydantic import BaseModel

from services.api.views.values import Time
from services.domain.spec.objective import Objective
from services.store.rung_decisions import RungDecision


class RungView(BaseModel):
    """A decision: the value by which the trial's point was judged, its place, and how many points went on.

    `value` and `place` are null for a trial that came after the decision.
    """

    epoch: int
    at: Time
    rule: str
    value: float | None
    place: int | None
    points: int
    kept: int
    went_on: bool | None  # null for a trial that came after it


def rung_view(decision: RungDecision, point: int, objective: Objective) -> RungView:
    """A decision, as it concerns one point."""
    values = {each["point"]: each["value"] for each in decision.inputs}
    places = sorted(values, key=lambda each: (objective.key(values[each]), each))
    there = point in values
    return RungView(
        epoch=decision.epoch,
        at=decision.at,
        rule=decision.rule,
        value=values.get(point),
        place=places.index(point) + 1 if there else None,
        points=len(places),
        kept=len(decision.kept),
        went_on=point in decision.kept if there else None,
    )
