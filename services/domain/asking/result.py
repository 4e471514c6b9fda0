"""The results of a point, from its trials: numbers, smaller is better."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from services.domain.asking.comparable import FULL
from services.domain.asking.observations import AskedPoint, PointResult
from services.domain.spec.objective import Objective
from services.domain.states import TRIAL_UNFINISHED, TrialState

_WITH_VALUE = frozenset({TrialState.SUCCEEDED, TrialState.PRUNED, TrialState.HELD})


class TrialOutcome(NamedTuple):
    """How a trial stands: its state, its epoch, and its best and its last value of the objective."""

    state: str
    epoch: int
    best: float | None
    last: float | None


def point_result(
    point: AskedPoint,
    trials: Sequence[TrialOutcome],
    objective: Objective,
    rungs: Collection[int] = (),
    decided: Mapping[int, float | None] | None = None,
) -> PointResult:
    """What a search is given of a point: means over the trials that have come equally far.

    A trial counts with its best value or its last one, as the objective says. One that waits at one of the
    `rungs`, or was pruned there, has its value after so many epochs; one that has succeeded, or that a rule
    of its own has ended, after all of its epochs. `decided` are values by which the point was judged at
    rungs. A point with a failed trial counts as the worst, and so does one whose value is no number.
    Cancelled trials count for nothing.
    """
    if any(trial.state == TrialState.FAILED for trial in trials):
        return PointResult(point, math.inf)
    found: dict[int, list[float]] = {}
    for trial in trials:
        done = trial.state == TrialState.SUCCEEDED
        if trial.state in _WITH_VALUE and (done or trial.last is not None):
            epochs = trial.epoch if not done and trial.epoch in rungs else FULL
            value = trial.best if objective.at == "best" else trial.last
            found.setdefault(epochs, []).append(objective.key(value))
    means = {epochs: sum(values) / len(values) for epochs, values in found.items()}
    means |= {epochs: objective.key(value) for epochs, value in (decided or {}).items()}
    whole = means.pop(FULL, None)
    running = whole is None and any(trial.state in TRIAL_UNFINISHED for trial in trials)
    return PointResult(point, whole, running, means)
