"""The time that is left of a sweep, from what it has committed lately; and what it cost in device time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

MIN_STOPPAGE = 30.0  # seconds without a commit that can be a pause or an outage
STOPPAGE_RATIO = 5  # a stoppage is so many times as long as the longest wait in normal training
MAX_STOPPAGES = 3  # that are left out of one window
STEADY_COMMITS = 8  # after so many, the time up to the first one does not count: it is spent once
SILENCE_RATIO = 10  # nothing progresses after so many times the longest wait, and MIN_SILENCE seconds
MIN_SILENCE = 60.0


@dataclass(frozen=True)
class Commit:
    """So many trials of a shape have finished an epoch, at a time in seconds."""

    at: float
    shape: int
    trials: int


@dataclass(frozen=True)
class Cost:
    """What an epoch of one trial costs: seconds of training by shape, and what is lost around it."""

    training: Mapping[int, float]
    around: float  # committing, loading, waiting for the next pack: the same for every shape

    def of(self, epochs: Mapping[int, float]) -> float:
        """The cost of so many epochs by shape."""
        return sum(count * (self.training.get(shape, 0.0) + self.around) for shape, count in epochs.items())


def eta_seconds(
    begun: float, commits: Sequence[Commit], now: float, left: Mapping[int, float], cost: Cost
) -> float | None:
    """Seconds until the epochs `left`, by shape, are committed; None while nothing progresses.

    cost(left) / cost(committed) × time, over the latest commits of all workers, oldest first: what passes
    between epochs, between packs and in dispatch counts, and pauses do not. `begun` is when the first attempt
    began. Times are in seconds of one clock.
    """
    if not commits:
        return None
    counted, times = list(commits), [commit.at for commit in commits]
    if len(commits) < STEADY_COMMITS:
        times.insert(0, min(begun, times[0]))
    else:
        counted.pop(0)
    waits = [later - earlier for earlier, later in pairwise(times)]
    usual = _without_stoppages(waits)
    longest, silence = max(usual, default=0.0), now - times[-1]
    if silence > max(MIN_SILENCE, SILENCE_RATIO * longest):
        return None
    spent = sum(usual) + max(0.0, silence - longest)
    done: dict[int, float] = {}
    for commit in counted:
        done[commit.shape] = done.get(commit.shape, 0.0) + commit.trials
    worked = cost.of(done) * len(usual) / len(waits)
    return spent * cost.of(left) / worked if worked > 0 and spent > 0 else None


def _without_stoppages(waits: Sequence[float]) -> list[float]:
    """The waits without a few that are far longer than all others."""
    falling = sorted(waits, reverse=True)
    for count in range(min(MAX_STOPPAGES, len(falling) - 1), 0, -1):
        if falling[count - 1] > max(MIN_STOPPAGE, STOPPAGE_RATIO * falling[count]):
            return falling[count:]
    return falling


def training_costs(
    flops: Sequence[float], alone: Mapping[int, float], busy: float, done: Mapping[int, int]
) -> dict[int, float]:
    """Seconds of training that an epoch of one trial takes, by shape, on average over its arrays.

    `busy` seconds trained the epochs `done`. Shapes are compared by their measured speed `alone` in images/s;
    where that is missing, by their operations per image at the average speed of the others.
    """
    known = {shape: 1 / speed for shape, speed in alone.items() if speed > 0}
    operations = sum(flops[shape] for shape in known)
    second = sum(known.values()) / operations if operations > 0 else 1.0
    relative = {shape: known.get(shape, second * count) for shape, count in enumerate(flops)}
    trained = sum(count * relative[shape] for shape, count in done.items())
    return {shape: each * busy / trained if trained > 0 else 0.0 for shape, each in relative.items()}


def around(commits: Sequence[Commit], at_once: int, training: float) -> float:
    """Seconds of a device per epoch of a trial that are not `training`, over these commits."""
    trials = sum(commit.trials for commit in commits[1:])
    if not trials:
        return 0.0
    waits = _without_stoppages([later.at - earlier.at for earlier, later in pairwise(commits)])
    return max(0.0, sum(waits) * max(1, at_once) / trials - training)


def share(work: float, alone: float) -> float | None:
    """Device time of training side by side, relative to that of the same epochs in plain loops.

    `work` is what the devices have worked so far, `alone` what the same epochs take in plain loops, one trial
    at a time, both in seconds. None before any epoch.
    """
    return work / alone if work > 0 and alone > 0 else None
