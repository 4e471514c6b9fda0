"""The result of a point, from its trials: one number, smaller is better."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from services.domain.asking.observations import AskedPoint, PointResult
from services.domain.spec.objective import Objective
from services.domain.states import TRIAL_UNFINISHED, TrialState


class TrialOutcome(NamedTuple):
    """How a trial stands: its state, and its best and its last value of the objective."""

    state: str
    best: float | None
    last: float | None


def point_result(point: AskedPoint, trials: Sequence[TrialOutcome], objective: Objective) -> PointResult:
    """What a search is given of a point: the mean over the trials that have ended with a value.

    A trial that has succeeded counts with its best value or its last one, as the objective says; one that was
    pruned, or waits at a rung, always with its last, if it has one. A point with a failed trial counts as the
    worst, and so does one whose value is no number. Cancelled trials count for nothing.
    """
    if any(trial.state == TrialState.FAILED for trial in trials):
        return PointResult(point, math.inf)
    best = objective.at == "best"
    found = [
        objective.key(trial.best if best and trial.state == TrialState.SUCCEEDED else trial.last)
        for trial in trials
        if trial.state == TrialState.SUCCEEDED
        or (trial.state in (TrialState.PRUNED, TrialState.HELD) and trial.last is not None)
    ]
    if found:
        return PointResult(point, sum(found) / len(found))
    return PointResult(point, running=any(trial.state in TRIAL_UNFINISHED for trial in trials))
