"""The result of a point: one number of its trials, smaller is better."""

from __future__ import annotations

import math

import pytest

from services.domain.asking.observations import AskedPoint, PointResult, observations
from services.domain.asking.result import TrialOutcome, point_result
from services.domain.spec.objective import Objective

POINT = AskedPoint({}, {"x": 1}, "key")
ACCURACY = Objective(metric="val/acc")
LAST = Objective(metric="val/acc", at="last")
LOSS = Objective(metric="val/loss", goal="minimize")
DONE, PRUNED, HELD = (TrialOutcome(state, 0.75, 0.5) for state in ("succeeded", "pruned", "held"))
FAILED, RUNNING, CANCELLED = (TrialOutcome(state, 0.75, 0.5) for state in ("failed", "running", "cancelled"))


@pytest.mark.parametrize(
    ("trials", "objective", "value"),
    [
        ([DONE], ACCURACY, -0.75),
        ([DONE], LAST, -0.5),
        ([DONE], LOSS, 0.75),
        ([PRUNED], ACCURACY, -0.5),
        ([HELD], ACCURACY, -0.5),
        ([DONE, PRUNED], ACCURACY, -0.625),
        ([DONE, RUNNING], ACCURACY, -0.75),
        ([DONE, TrialOutcome("held", None, None)], ACCURACY, -0.75),
        ([DONE, CANCELLED], ACCURACY, -0.75),
        ([DONE, FAILED], ACCURACY, math.inf),
        ([TrialOutcome("succeeded", None, None)], ACCURACY, math.inf),
        ([TrialOutcome("succeeded", math.nan, math.nan)], LOSS, math.inf),
    ],
)
def test_what_counts(trials: list[TrialOutcome], objective: Objective, value: float) -> None:
    assert point_result(POINT, trials, objective) == PointResult(POINT, value)


@pytest.mark.parametrize("state", ["pending", "queued", "running"])
def test_a_point_whose_trials_go_on_has_none_yet(state: str) -> None:
    assert point_result(POINT, [TrialOutcome(state, 0.5, 0.5), CANCELLED], ACCURACY) == PointResult(
        POINT, running=True
    )


def test_a_cancelled_point_is_neither_known_nor_running() -> None:
    assert point_result(POINT, [CANCELLED], ACCURACY) == PointResult(POINT)


def test_methods_see_a_failed_point_as_the_worst_of_the_others() -> None:
    results = [PointResult(POINT, value) for value in (0.25, math.inf, -2.0)]
    seen = observations([*results, PointResult(POINT, running=True), PointResult(POINT)])
    assert list(seen.values) == [0.25, 0.25, -2.0]
    assert (seen.worst, len(seen), list(seen.running)) == (0.25, 3, [{"x": 1}])
    assert observations([PointResult(POINT, math.inf)]).values == [0.0]
    assert observations([]).worst == 0.0
