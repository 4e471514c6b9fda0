"""Which trials of a sweep are compared with one another, and how many are left out, by reason.

Only trials that have trained all of their epochs are compared. A pruned trial ended at an earlier epoch: its
value so far is lower than what it could have reached, so beside the others it would make the values that it
has in common with other pruned trials look worse than they are. The same holds for one that failed or still
trains. What remains after early stopping are the better trials, so effects among them say less about the
values that stopping has removed.
"""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.domain.results.intervals import is_usable
from services.domain.states import TrialState

_REASONS = {
    TrialState.FAILED: "failed",
    TrialState.PRUNED: "pruned",
    TrialState.CANCELLED: "cancelled",
}


@dataclass(frozen=True)
class TrialResult:
    """A trial of a point: its state, the values of its axes by path, and the value that ranks it."""

    number: int
    point: int
    replicate: int
    state: str
    values: Mapping[str, Any]
    value: float | None
    epoch: int  # the last one that it has reported
    finished_at: int | None = None


@dataclass(frozen=True)
class LeftOutTrials:
    """How many trials are not compared, by reason.

    `unfinished` ones wait or train or have not been drawn yet. `no_value`: all epochs trained, without a
    finite value. `incomplete`: with a value, but another replicate of the same point has none. `extra`: of a
    replicate that not every compared point has.
    """

    failed: int = 0
    pruned: int = 0
    cancelled: int = 0
    unfinished: int = 0
    no_value: int = 0
    incomplete: int = 0
    extra: int = 0

    @property
    def words(self) -> str:
        """The counts as a phrase, `3 pruned, 1 failed`; empty if no trial is left out."""
        names = {
            "pruned": self.pruned,
            "failed": self.failed,
            "cancelled": self.cancelled,
            "unfinished": self.unfinished,
            "without a finite value": self.no_value,
            "of points with such a trial": self.incomplete,
            "of seeds that not every point has": self.extra,
        }
        return ", ".join(f"{count:,} {name}" for name, count in names.items() if count)


@dataclass(frozen=True)
class ComparedPoint:
    """A point that is compared: the values of its axes, and its trials' values in the order of replicates."""

    number: int
    values: Mapping[str, Any]
    results: Sequence[float]

    @property
    def mean(self) -> float:
        """The mean over its replicates."""
        return statistics.fmean(self.results)


@dataclass(frozen=True)
class ComparedPoints:
    """The points that are compared, by number, each with the same replicates; and what is left out."""

    points: Sequence[ComparedPoint]
    replicates: int
    left_out: LeftOutTrials

    @property
    def trials(self) -> int:
        """How many trials are compared."""
        return len(self.points) * self.replicates


def compared(trials: Iterable[TrialResult], total: int) -> ComparedPoints:
    """Choose the points to compare among the drawn trials of a sweep of `total` trials.

    A point is compared if each of its trials has trained all epochs and has a finite value, but for those
    that were pruned before they began, as the later seeds of points that lost a race are. Its value is the
    mean over those replicates that every compared point has, so that all points are judged by the same
    seeds.
    """
    by_point: dict[int, list[TrialResult]] = {}
    reasons: Counter[str] = Counter(unfinished=total)
    for trial in trials:
        by_point.setdefault(trial.point, []).append(trial)
        reasons["unfinished"] -= 1
    complete: dict[int, list[TrialResult]] = {}
    for number, drawn in sorted(by_point.items()):
        group = [trial for trial in drawn if trial.epoch or trial.state != TrialState.PRUNED]
        reasons["pruned"] += len(drawn) - len(group)
        missing = Counter(reason for trial in group if (reason := _reason(trial)))
        if missing:
            reasons += missing
            reasons["incomplete"] += len(group) - missing.total()
        elif group:
            complete[number] = group
    common = _common_replicates(complete.values())
    reasons["extra"] = sum(trial.replicate not in common for group in complete.values() for trial in group)
    points = [
        ComparedPoint(number, group[0].values, _results(group, common))
        for number, group in complete.items()
        if common
    ]
    return ComparedPoints(points, len(common), LeftOutTrials(**{name: reasons[name] for name in _NAMES}))


_NAMES = tuple(LeftOutTrials.__dataclass_fields__)


def _reason(trial: TrialResult) -> str | None:
    """Why a trial cannot be compared; None if it can."""
    if trial.state != TrialState.SUCCEEDED:
        return _REASONS.get(TrialState(trial.state), "unfinished")
    return None if is_usable(trial.value) else "no_value"


def _common_replicates(groups: Iterable[Sequence[TrialResult]]) -> frozenset[int]:
    """The replicates that every point has."""
    sets = [frozenset(trial.replicate for trial in group) for group in groups]
    return frozenset.intersection(*sets) if sets else frozenset()


def _results(group: Sequence[TrialResult], common: frozenset[int]) -> tuple[float, ...]:
    """The values of the common replicates, in their order."""
    values = {trial.replicate: trial.value for trial in group if trial.value is not None}
    return tuple(values[replicate] for replicate in sorted(common))
