"""What the repeats of a method say: epochs, regret, and in how many the chosen point equals the best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from benchmarks.search_study.methods import METHODS
from benchmarks.search_study.recorded_curves import RecordedCurves
from benchmarks.search_study.replayed_sweep import Replayed
from services.domain.results.intervals import interval

GRID = "grid"  # the method that all are compared with: every point to its last epoch, with one seed
MAX_EPOCHS_SHARE = 0.25  # the goal: no more of the grid's epochs
MIN_EQUAL_SHARE = 0.95  # in no smaller share of the repeats the chosen point equals the grid's best


@dataclass(frozen=True)
class MeanWithEnds:
    """A mean over repeats, and the ends of its 95 % interval."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Summary:
    """A method on one space. `epochs` is a share of the grid's; regrets are of the objective.

    `behind_grid` is how much greater its regret is than the grid's on the same repeats, in pairs.
    """

    name: str
    epochs: float
    regret: MeanWithEnds
    behind_grid: MeanWithEnds
    equal: int  # repeats in which all seeds do not distinguish the chosen point from the best
    repeats: int

    @property
    def meets_goal(self) -> bool:
        """Whether it finds an equal point with few epochs."""
        return self.epochs <= MAX_EPOCHS_SHARE and self.equal >= MIN_EQUAL_SHARE * self.repeats

    @property
    def ours(self) -> bool:
        """Whether it is one of the service's methods."""
        return self.name in METHODS


@dataclass(frozen=True)
class Rival:
    """A method beside one of the other side with no more epochs, and the difference of their regrets."""

    of: Summary
    beside: Summary
    ahead: MeanWithEnds  # how much less regret `of` has

    @property
    def verdict(self) -> str:
        """Which is better, if the interval of the difference does not contain 0."""
        if self.ahead.low <= 0 <= self.ahead.high:
            return "no difference shown"
        return "better" if self.ahead.mean > 0 else "worse"


def summarize(recorded: RecordedCurves, methods: Mapping[str, Sequence[Replayed]]) -> list[Summary]:
    """Summarize every method, the one with the fewest epochs first."""
    grid = regrets(recorded, methods[GRID])
    found = []
    for name, repeats in methods.items():
        own = regrets(recorded, repeats)
        found.append(
            Summary(
                name=name,
                epochs=fmean(each.epochs for each in repeats) / recorded.grid_epochs,
                regret=_mean(own),
                behind_grid=_mean([mine - usual for mine, usual in zip(own, grid, strict=True)]),
                equal=sum(each.point in recorded.equal for each in repeats),
                repeats=len(repeats),
            )
        )
    return sorted(found, key=lambda each: each.epochs)


def rivals(recorded: RecordedCurves, methods: Mapping[str, Sequence[Replayed]], ours: bool) -> list[Rival]:
    """Each of our methods, or each of the libraries', beside the other side's best with no more epochs.

    Best is the one with the least mean regret. A method for which there is none with so few epochs is left
    out, and so is the grid.
    """
    found = []
    summaries = [each for each in summarize(recorded, methods) if each.name != GRID]
    for of in [each for each in summaries if each.ours == ours]:
        others = [each for each in summaries if each.ours != ours and each.epochs <= of.epochs]
        if others:
            beside = min(others, key=lambda each: each.regret.mean)
            pairs = zip(
                regrets(recorded, methods[beside.name]), regrets(recorded, methods[of.name]), strict=True
            )
            found.append(Rival(of, beside, _mean([theirs - own for theirs, own in pairs])))
    return found


def regrets(recorded: RecordedCurves, repeats: Sequence[Replayed]) -> list[float]:
    """How much worse than the best the chosen point is, of each repeat."""
    return [recorded.regret(each.point) for each in repeats]


def _mean(values: Sequence[float]) -> MeanWithEnds:
    mean = fmean(values)
    low, high = interval(values) or (mean, mean)
    return MeanWithEnds(mean, low, high)
