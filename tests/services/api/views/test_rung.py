"""A decision as it concerns one trial's point: its value, its place, and whether it went on."""

from __future__ import annotations

from services.api.views.rung import rung_view
from services.domain.spec.objective import Objective
from services.store.rung_decisions import RungDecision

VALUES = {3: 0.5, 4: 0.75, 5: None}
DECISION = RungDecision(
    sweep_id="s",
    cohort=0,
    epoch=1,
    at=1000,
    rule="halving",
    inputs=[{"point": point, "trials": [point], "value": value} for point, value in VALUES.items()],
    kept=[4],
)


def test_places_follow_the_goal() -> None:
    for goal, places in (("maximize", [2, 1, 3]), ("minimize", [1, 2, 3])):
        objective = Objective.model_validate({"metric": "val/x", "goal": goal})
        assert [rung_view(DECISION, point, objective).place for point in VALUES] == places


def test_a_point_went_on_or_not_or_came_later() -> None:
    views = [rung_view(DECISION, point, Objective()) for point in (4, 3, 9)]
    assert [(view.value, view.went_on, view.points, view.kept) for view in views] == [
        (0.75, True, 3, 1),
        (0.5, False, 3, 1),
        (None, None, 3, 1),
    ]
    assert views[2].place is None
