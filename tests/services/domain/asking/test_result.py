"""The results of a point: means of its trials that have come equally far, smaller is better."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pytest

from services.domain.asking.observations import AskedPoint, PointResult
from services.domain.asking.result import TrialOutcome, point_result
from services.domain.spec.objective import Objective

POINT = AskedPoint({}, {"x": 1}, "key")
RUNGS = (1, 3)
ACCURACY = Objective(metric="val/acc")
LAST = Objective(metric="val/acc", at="last")
LOSS = Objective(metric="val/loss", goal="minimize")
DONE, FAILED, RUNNING, CANCELLED = (
    TrialOutcome(state, 9, 0.75, 0.5) for state in ("succeeded", "failed", "running", "cancelled")
)
PRUNED, HELD = (TrialOutcome(state, 3, 0.75, 0.5) for state in ("pruned", "held"))
FIRST = TrialOutcome("pruned", 1, 0.25, 0.25)
PLATEAU = TrialOutcome("pruned", 5, 0.75, 0.5)


@pytest.mark.parametrize(
    ("trials", "objective", "value", "at_rungs"),
    [
        ([DONE], ACCURACY, -0.75, {}),
        ([DONE], LAST, -0.5, {}),
        ([DONE], LOSS, 0.75, {}),
        ([PRUNED], ACCURACY, None, {3: -0.75}),
        ([HELD, FIRST], LAST, None, {3: -0.5, 1: -0.25}),
        ([HELD, TrialOutcome("held", 3, 0.25, 0.25)], ACCURACY, None, {3: -0.5}),
        ([PLATEAU], ACCURACY, -0.75, {}),
        ([DONE, PRUNED], ACCURACY, -0.75, {3: -0.75}),
        ([DONE, RUNNING], ACCURACY, -0.75, {}),
        ([DONE, TrialOutcome("held", 0, None, None)], ACCURACY, -0.75, {}),
        ([DONE, CANCELLED], ACCURACY, -0.75, {}),
        ([DONE, TrialOutcome("succeeded", 1, 0.25, 0.25)], ACCURACY, -0.5, {}),
        ([DONE, PRUNED, FAILED], ACCURACY, math.inf, {}),
        ([TrialOutcome("succeeded", 9, None, None)], ACCURACY, math.inf, {}),
        ([TrialOutcome("succeeded", 9, math.nan, math.nan)], LOSS, math.inf, {}),
    ],
)
def test_what_counts(
    trials: list[TrialOutcome], objective: Objective, value: float | None, at_rungs: Mapping[int, float]
) -> None:
    found = point_result(POINT, trials, objective, RUNGS)
    assert (found.value, found.at_rungs) == (value, at_rungs)
    assert found.running == (value is None and HELD in trials)


def test_what_it_was_judged_by_at_a_rung_counts_there() -> None:
    decided = {1: 0.5, 3: None}
    going_on = point_result(POINT, [RUNNING], ACCURACY, RUNGS, decided)
    assert going_on == PointResult(POINT, running=True, at_rungs={1: -0.5, 3: math.inf})
    assert point_result(POINT, [FIRST], ACCURACY, RUNGS, decided).at_rungs[1] == -0.5


@pytest.mark.parametrize("state", ["pending", "queued", "running"])
def test_a_point_whose_trials_go_on_has_none_yet(state: str) -> None:
    trials = [TrialOutcome(state, 1, 0.5, 0.5), CANCELLED]
    assert point_result(POINT, trials, ACCURACY, RUNGS) == PointResult(POINT, running=True)


def test_a_cancelled_point_is_neither_known_nor_running() -> None:
    assert point_result(POINT, [CANCELLED], ACCURACY) == PointResult(POINT)
