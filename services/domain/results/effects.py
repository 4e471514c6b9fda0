"""The mean effect of each value of each axis on the objective, with intervals, and each axis's importance.

A point's value is the mean over its replicates. Effects are main effects by least squares (`MainEffects`), of
all axes together if the points can separate them well: if the axes are orthogonal, as in a full grid, or if
there are at least POINTS_PER_PARAMETER points for each fitted number. Otherwise each axis is fitted by
itself, so that an effect is the plain mean of a level's points minus the mean of all points at which the axis
has a value; whatever else differs between the levels is then part of it. Axes that always change together, as
zipped ones do, are fitted as one and have the same effects.

Intervals are paired by seed, or by fold, where the axes are orthogonal, no values are cut into bins, and
there are at least two of these: effects are taken within each of them, and the interval is Student's of their
mean. It then covers what the leaderboard's does. Otherwise it is that of the fit: all that the model does not
explain is noise, interactions of axes and differences within a bin included.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from services.domain.plan.axis import Axis
from services.domain.plan.point_label import PointLabels
from services.domain.plan.repeats import Repeats
from services.domain.results.axis_levels import AxisLevels, all_levels
from services.domain.results.compared import ComparedPoints, LeftOutTrials
from services.domain.results.importance import MIN_POINTS, Importance, importances, top_count
from services.domain.results.intervals import estimate_text, interval
from services.domain.results.main_effects import FittedLevel, MainEffects
from services.domain.results.parzen import cells_of
from services.domain.spec.objective import Objective

POINTS_PER_PARAMETER = 2  # or the axes are fitted one by one


@dataclass(frozen=True)
class LevelEffect:
    """A level of an axis: its points, their mean, and its effect with the ends of the 95 % interval.

    `effect` is None if the axis has one level only, and for the points at which it has no value; without an
    interval its ends are None. `shown` is the effect and half of its interval, `+0.012 ± 0.004`.
    """

    text: str
    n: int
    mean: float
    effect: float | None = None
    low: float | None = None
    high: float | None = None

    @property
    def shown(self) -> str | None:
        """The effect as text."""
        if self.effect is None:
            return None
        half = None if self.low is None or self.high is None else (self.high - self.low) / 2
        return ("+" if self.effect > 0 else "") + estimate_text(self.effect, half)


@dataclass(frozen=True)
class AxisEffects:
    """An axis: the effects of its levels, and its importance, None if there are too few points for it.

    `inactive` are the points at which it has no value. `together` names the axes that always change with it.
    """

    path: str
    name: str
    binned: bool
    levels: Sequence[LevelEffect]
    inactive: LevelEffect | None
    importance: Importance | None
    together: Sequence[str]


@dataclass(frozen=True)
class Effects:
    """What a sweep's compared points say of its axes, in the order of the axes.

    `repeats` are those of each compared point. `epoch` is the one at which the points are compared; None if
    each is at its last one. `method`: axes are fitted together or each alone. `intervals`: over seeds or
    folds, or over the points by what the fit does not explain.
    """

    points: int
    trials: int
    repeats: Repeats
    mean: float
    method: Literal["together", "alone"]
    intervals: Literal["seeds", "folds", "points"]
    axes: Sequence[AxisEffects]
    left_out: LeftOutTrials
    epoch: int | None = None

    @property
    def words(self) -> str:
        """How effects and intervals were found, as a sentence."""
        units, unit = self.repeats.units, self.repeats.unit
        if self.intervals != "points":
            how = f"means over the other axes; 95 % intervals over {units} {unit}s, paired by {unit}"
        elif self.method == "together":
            how = "least squares on all axes; 95 % intervals from what the sum of effects does not explain"
        else:
            few = "one point is" if self.points == 1 else f"{self.points} points are"
            how = (
                f"{few} too few to separate {len(self.axes)} axes, so each is compared by "
                "itself; 95 % intervals from the spread within its values"
            )
        if not any(level.low is not None for axis in self.axes for level in axis.levels):
            how = how.partition(";")[0] + "; no intervals, because nothing is repeated"
        return how

    @property
    def importance_words(self) -> str:
        """What the importances rest on, or why there are none."""
        if any(axis.importance for axis in self.axes):
            trials = f" ({self.trials:,} trials)" if self.repeats.trials > 1 else ""
            return (
                f"importance: what decides whether a point is among the best {top_count(self.points)} of "
                f"{self.points:,}{trials}; by PED-ANOVA, with 95 % bootstrap intervals"
            )
        if len(self.axes) < 2:
            return "no importance: one axis has nothing to be compared with"
        if self.points < MIN_POINTS:
            return f"no importance: it needs {MIN_POINTS} compared points, got {self.points}"
        return "no importance: the best points do not differ from the others"


def effects(
    axes: Sequence[Axis], labels: PointLabels, compared: ComparedPoints, objective: Objective
) -> Effects:
    """Compare the points over each axis that varies; `ValueError` without points."""
    if not compared.points:
        raise ValueError("effects need at least one point to compare, got none")
    points = [point.values for point in compared.points]
    means = [point.mean for point in compared.points]
    levels = all_levels(axes, labels, points)
    fits = _Fits(levels, compared)
    by_path = {axis.path: axis for axis in axes}
    found = importances(
        [cells_of(by_path[each.path], points) for each in levels], [objective.key(mean) for mean in means]
    )
    return Effects(
        points=len(points),
        trials=compared.trials,
        repeats=compared.repeats,
        mean=statistics.fmean(means),
        method="together" if fits.joint else "alone",
        intervals=fits.intervals,
        axes=[
            AxisEffects(
                path=axis.path,
                name=axis.name,
                binned=axis.binned,
                levels=_level_effects(axis, means, fits.of(place)),
                inactive=_inactive(axis, means),
                importance=found[place] if found else None,
                together=fits.together(place),
            )
            for place, axis in enumerate(levels)
        ],
        left_out=compared.left_out,
        epoch=compared.epoch,
    )


class _Fits:
    """The fitted effects of each axis, by its place."""

    def __init__(self, levels: Sequence[AxisLevels], compared: ComparedPoints) -> None:
        self._levels, self._compared = levels, compared
        self._divisions = [_division(axis.at) for axis in levels]
        # Of axes that divide the points in the same way, the first one stands for all.
        self._fitted = [
            place
            for place, axis in enumerate(levels)
            if len(axis.texts) > 1 and self._divisions.index(self._divisions[place]) == place
        ]
        self.joint = self._joint()
        self.paired = (
            self.joint is not None
            and self.joint.orthogonal
            and compared.repeats.units > 1
            and not any(levels[place].binned for place in self._fitted)
        )
        self._effects = self._all_effects()

    @property
    def intervals(self) -> Literal["seeds", "folds", "points"]:
        """What intervals are over."""
        if not self.paired:
            return "points"
        return "folds" if self._compared.repeats.folds > 1 else "seeds"

    def of(self, place: int) -> Sequence[FittedLevel] | None:
        """The effects of an axis's levels; None if it has one level only."""
        return self._effects.get(self._divisions.index(self._divisions[place]))

    def together(self, place: int) -> list[str]:
        """The names of the other axes that divide the points as this one does."""
        if self.of(place) is None:
            return []
        return [
            axis.name
            for other, axis in enumerate(self._levels)
            if other != place and self._divisions[other] == self._divisions[place]
        ]

    def _joint(self) -> MainEffects | None:
        """The fit of all axes together; None if the points do not separate them well."""
        if not self._fitted:
            return None
        try:
            fit = MainEffects([self._levels[place] for place in self._fitted])
        except ValueError:
            return None
        points = len(self._compared.points)
        return fit if fit.orthogonal or points >= POINTS_PER_PARAMETER * (points - fit.df) else None

    def _all_effects(self) -> dict[int, Sequence[FittedLevel]]:
        means = [point.mean for point in self._compared.points]
        if self.joint is None:
            return {place: MainEffects([self._levels[place]]).fit(means)[0] for place in self._fitted}
        if not self.paired:
            return dict(zip(self._fitted, self.joint.fit(means), strict=True))
        by_replicate = [
            self.joint.effects([point.results[replicate] for point in self._compared.points])
            for replicate in range(self._compared.repeats.units)
        ]
        return {
            place: [_paired(values) for values in zip(*axis, strict=True)]
            for place, axis in zip(self._fitted, zip(*by_replicate, strict=True), strict=True)
        }


def _paired(values: Sequence[float]) -> FittedLevel:
    """The mean of the effects within each replicate; equal ones give no interval, which would be a point."""
    ends = interval(values)
    half = (ends[1] - ends[0]) / 2 if ends else None
    return FittedLevel(statistics.fmean(values), half or None)


def _division(at: Sequence[int | None]) -> tuple[int | None, ...]:
    """The levels of points, numbered in the order in which they occur: the same if the names alone differ."""
    numbers: dict[int, int] = {}
    return tuple(None if level is None else numbers.setdefault(level, len(numbers)) for level in at)


def _level_effects(
    axis: AxisLevels, means: Sequence[float], fitted: Sequence[FittedLevel] | None
) -> list[LevelEffect]:
    found = []
    for index, text in enumerate(axis.texts):
        values = [mean for mean, at in zip(means, axis.at, strict=True) if at == index]
        level = LevelEffect(text, len(values), statistics.fmean(values))
        if fitted:
            effect, half = fitted[index].effect, fitted[index].half
            ends = (None, None) if half is None else (effect - half, effect + half)
            level = LevelEffect(text, level.n, level.mean, effect, *ends)
        found.append(level)
    return found


def _inactive(axis: AxisLevels, means: Sequence[float]) -> LevelEffect | None:
    """The points at which the axis has no value; None if there are none."""
    values = [mean for mean, at in zip(means, axis.at, strict=True) if at is None]
    return LevelEffect(axis.no_value, len(values), statistics.fmean(values)) if values else None
