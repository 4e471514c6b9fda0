"""Which trials of a sweep are compared with one another, and how many are left out, by reason.

Each trial counts at its last epoch, or all at one epoch that is given. A trial that has not reached it is
left out, whatever its value so far: beside the others it would make the values that it has in common with
trials like it look worse than they are. What became of a trial behind an epoch that is given does not matter.
"""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from services.domain.plan.repeats import Repeats
from services.domain.results.intervals import is_usable
from services.domain.states import TrialState

_REASONS: Mapping[str, str] = {
    TrialState.FAILED: "failed",
    TrialState.PRUNED: "pruned",
    TrialState.CANCELLED: "cancelled",
}


class TrialResult(NamedTuple):
    """A trial of a point: its state, the values of its axes by path, and the value that ranks it.

    `rule` is the one that has ended it early.
    """

    number: int
    point: int
    replicate: int
    state: str
    values: Mapping[str, Any]
    value: float | None
    epoch: int  # the last one that it has reported
    finished_at: int | None = None
    rule: str | None = None


@dataclass(frozen=True)
class ResultsAtEpoch:
    """What trials had reached after an epoch: the value that ranks each, by the trial's number."""

    epoch: int
    values: Mapping[int, float | None]


@dataclass(frozen=True)
class LeftOutTrials:
    """How many trials are not compared, by reason.

    `unfinished` ones wait or train or have not been drawn yet. `shorter`: they have trained all their epochs,
    which are fewer than the one at which points are compared. `no_value`: so far trained, without a finite
    value. `incomplete`: with a value, but another replicate of the same point has none. `extra`: of a
    replicate that not every compared point has.
    """

    failed: int = 0
    pruned: int = 0
    cancelled: int = 0
    unfinished: int = 0
    shorter: int = 0
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
            "of fewer epochs": self.shorter,
            "without a finite value": self.no_value,
            "of points with such a trial": self.incomplete,
            "of seeds that not every point has": self.extra,
        }
        return ", ".join(f"{count:,} {name}" for name, count in names.items() if count)


@dataclass(frozen=True)
class ComparedPoint:
    """A point that is compared: the values of its axes, and its results by seed, or by fold, in order."""

    number: int
    values: Mapping[str, Any]
    results: Sequence[float]

    @property
    def mean(self) -> float:
        """The mean over its seeds or folds."""
        return statistics.fmean(self.results)


@dataclass(frozen=True)
class ComparedPoints:
    """The points that are compared, by number, each with the same replicates; and what is left out.

    `epoch` is the one at which all are compared; None if each is at its last one.
    """

    points: Sequence[ComparedPoint]
    replicates: int
    left_out: LeftOutTrials
    epoch: int | None = None
    folds: int = 1

    @property
    def repeats(self) -> Repeats:
        """How often each compared point was trained; of which folds, if not of all, decides `units`."""
        return Repeats(self.replicates // self.folds, self.folds)

    @property
    def where(self) -> str:
        """At which epoch they are compared, as a phrase."""
        return "at their last epochs" if self.epoch is None else f"at epoch {self.epoch:,}"

    @property
    def trials(self) -> int:
        """How many trials are compared."""
        return len(self.points) * self.replicates


def compared(
    trials: Sequence[TrialResult],
    total: int,
    given: ResultsAtEpoch | None = None,
    repeats: Repeats | None = None,
) -> ComparedPoints:
    """Choose the points to compare among the drawn trials of a sweep of `total` trials.

    A point is compared if each of its trials has trained all epochs, or up to the one that is given, and has
    a finite value, but for those that were pruned before they began, as the later seeds of points that lost
    a race are. Its value is the mean over those replicates that every compared point has, so that all points
    are judged by the same seeds. With several folds in `repeats` the results are those of folds.
    """
    begun = by_point(trials)
    reasons: Counter[str] = Counter(unfinished=total - len(trials))
    reasons["pruned"] += len(trials) - sum(map(len, begun.values()))
    complete: dict[int, list[TrialResult]] = {}
    for number, group in sorted(begun.items()):
        missing = [reason for trial in group if (reason := _reason(trial, given))]
        if missing:
            reasons.update(missing)
            reasons["incomplete"] += len(group) - len(missing)
        else:
            complete[number] = group
    common = _common_replicates(complete.values())
    reasons["extra"] = sum(trial.replicate not in common for group in complete.values() for trial in group)
    own = _common_repeats(common, repeats)
    points = [
        ComparedPoint(number, group[0].values, _results(group, own, given))
        for number, group in complete.items()
        if common
    ]
    left_out = LeftOutTrials(**{name: reasons[name] for name in _NAMES})
    return ComparedPoints(points, len(common), left_out, given.epoch if given else None, own.folds)


def by_point(trials: Iterable[TrialResult]) -> dict[int, list[TrialResult]]:
    """The trials of each point, without those that were pruned before they began."""
    found: dict[int, list[TrialResult]] = {}
    for trial in trials:
        if trial.epoch or trial.state != TrialState.PRUNED:
            found.setdefault(trial.point, []).append(trial)
    return found


_NAMES = tuple(LeftOutTrials.__dataclass_fields__)


def _reason(trial: TrialResult, given: ResultsAtEpoch | None) -> str | None:
    """Why a trial cannot be compared; None if it can."""
    succeeded = trial.state == TrialState.SUCCEEDED
    if trial.epoch >= given.epoch if given else succeeded:
        return None if is_usable(_value(trial, given)) else "no_value"
    return "shorter" if succeeded else _REASONS.get(trial.state, "unfinished")


def _value(trial: TrialResult, given: ResultsAtEpoch | None) -> float | None:
    """The value that ranks a trial."""
    return given.values.get(trial.number) if given else trial.value


def _common_replicates(groups: Iterable[Sequence[TrialResult]]) -> frozenset[int]:
    """The replicates that every point has."""
    sets = {frozenset(trial.replicate for trial in group) for group in groups}
    return frozenset.intersection(*sets) if sets else frozenset()


@dataclass(frozen=True)
class _Common:
    """The replicates that every point has, each with what its result counts to: itself, or its fold."""

    folds: int
    unit_of: Mapping[int, int]


def _common_repeats(common: frozenset[int], repeats: Repeats | None) -> _Common:
    """The common replicates by the fold that each has, where they have several."""
    folds = {repeats.fold_of(replicate) for replicate in common} if repeats else set()
    if repeats is None or len(folds) < 2:
        return _Common(1, {replicate: replicate for replicate in common})
    return _Common(len(folds), {replicate: repeats.fold_of(replicate) for replicate in common})


def _results(
    group: Sequence[TrialResult], common: _Common, given: ResultsAtEpoch | None
) -> tuple[float, ...]:
    """The values of the common replicates in their order, or of their folds, as the means of these."""
    found: dict[int, list[float]] = {}
    for trial in group:
        unit, value = common.unit_of.get(trial.replicate), _value(trial, given)
        if unit is not None and value is not None:
            found.setdefault(unit, []).append(value)
    return tuple(statistics.fmean(found[unit]) for unit in sorted(found))
