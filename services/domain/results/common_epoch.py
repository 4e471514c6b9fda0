"""After which epoch the points of a sweep are compared, where early stopping has ended some of them.

Points that stopping has let go on are the better ones. To compare only these would be to select by the
result: a value that is bad at all but its best points would look as good as any other. So all points are
compared at the last epoch that every one of them has reached. The price is what lies behind that epoch: an
effect is that on the result after so many epochs, and one that shows later is not seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from services.domain import stopping
from services.domain.results.compared import TrialResult, by_point
from services.domain.states import TrialState
from services.domain.stopping import SweepRule

MIN_POINTS = 2  # one alone has nothing to be compared with


class ReachedEpoch(NamedTuple):
    """An epoch at which some trials were stopped, or the last one, and how many points have reached it."""

    epoch: int
    points: int


def common_epoch(trials: Sequence[TrialResult]) -> int | None:
    """The last epoch that every trial has reached which was stopped or has succeeded.

    None if none was stopped by its own results: then each counts at its last epoch. Trials that failed or
    were cancelled, or that a rule ended with the whole sweep, do not lower it: they are left out instead.
    """
    ended = [trial.epoch for trial in trials if _is_judged(trial) or trial.state == TrialState.SUCCEEDED]
    return min(ended) if any(map(_is_judged, trials)) else None


def reached_epochs(trials: Sequence[TrialResult]) -> list[ReachedEpoch]:
    """The epochs at which points can be compared, in order; empty if no trial was stopped by its results."""
    stops = {trial.epoch for trial in trials if _is_judged(trial)}
    if not stops:
        return []
    ends = [min(trial.epoch for trial in group) for group in by_point(trials).values()]
    found = [ReachedEpoch(epoch, sum(end >= epoch for end in ends)) for epoch in sorted({*stops, max(ends)})]
    return [each for each in found if each.points >= MIN_POINTS]


def _is_judged(trial: TrialResult) -> bool:
    """Whether early stopping has ended a trial by its results, after it began."""
    if trial.state != TrialState.PRUNED or not trial.epoch:
        return False
    rule = stopping.all_rules().get(trial.rule or "")
    return rule is None or not issubclass(rule, SweepRule)
