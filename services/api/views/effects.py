"""The effects of a sweep's axes as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from services.api.views.objective import ObjectiveView, objective_view
from services.domain.results.common_epoch import ReachedEpoch
from services.domain.results.compared import LeftOutTrials
from services.domain.results.effects import AxisEffects, Effects, LevelEffect
from services.domain.results.importance import Importance
from services.domain.spec.objective import Objective

_LEFT_OUT = {
    "failed": 2,
    "pruned": 0,
    "cancelled": 0,
    "unfinished": 0,
    "shorter": 0,
    "no_value": 0,
    "incomplete": 1,
    "extra": 0,
    "words": "2 failed, 1 of points with such a trial",
}
EXAMPLE: dict[str, Any] = {
    "objective": {"metric": "val/acc", "goal": "maximize", "at": "best"},
    "points": 11,
    "trials": 33,
    "seeds": 3,
    "folds": 1,
    "epoch": None,
    "epochs": [],
    "mean": 0.8527,
    "method": "together",
    "intervals": "points",
    "words": "least squares on all axes; 95 % intervals from what the sum of effects does not explain",
    "importance_words": "importance: what decides whether a point is among the best 5 of 11 (33 trials); "
    "by PED-ANOVA, with 95 % bootstrap intervals",
    "left_out": _LEFT_OUT,
    "axes": [
        {
            "path": "model.dropout",
            "name": "dropout",
            "bins": None,
            "levels": [
                {"text": "0", "n": 6, "mean": 0.857, "effect": 0.0041, "low": 0.0012, "high": 0.007,
                 "shown": "+0.0041 ± 0.0029"},
                {"text": "0.5", "n": 5, "mean": 0.8475, "effect": -0.0049, "low": -0.0084, "high": -0.0014,
                 "shown": "−0.0049 ± 0.0035"},
            ],
            "inactive": None,
            "importance": {"share": 0.71, "low": 0.32, "high": 0.94},
            "together": [],
        }
    ],
}  # fmt: skip


class LevelView(BaseModel):
    """A value of an axis, or a bin of values: the mean of its points, and how far it lies from all.

    `effect` is null for the points at which the axis has no value, and where the axis has one value only.
    Its 95 % interval goes from `low` to `high`; these are null where nothing is repeated. `shown` is the
    effect as it is shown everywhere: `+0.012 ± 0.004`.
    """

    text: str
    n: int  # points
    mean: float
    effect: float | None
    low: float | None
    high: float | None
    shown: str | None


class ImportanceView(BaseModel):
    """An axis's share of the importance of all axes, 0 … 1, and its 95 % interval."""

    share: float
    low: float
    high: float


class AxisEffectsView(BaseModel):
    """An axis that varies: its values in their order, with their effects, and its importance.

    `bins`: into how many a range was cut, each with about as many points; null if each value is by itself.
    `inactive` are the points at which the axis has no value, `together` the axes that always change with it.
    """

    path: str
    name: str
    bins: int | None
    levels: list[LevelView]
    inactive: LevelView | None
    importance: ImportanceView | None
    together: list[str]


class LeftOutView(BaseModel):
    """Trials that are not compared, by reason; `words` has the counts as a phrase.

    `unfinished` ones have not ended or begun. `shorter`: of fewer epochs than the one at which points are
    compared. `no_value`: trained so far, without a finite value. `incomplete`: with a value, but another
    trial of the same point has none. `extra`: of a seed that not all compared points have.
    """

    failed: int
    pruned: int
    cancelled: int
    unfinished: int
    shorter: int
    no_value: int
    incomplete: int
    extra: int
    words: str


class ReachedEpochView(BaseModel):
    """An epoch at which points can be compared, and how many have reached it with all their trials."""

    epoch: int
    points: int


class EffectsView(BaseModel):
    """What a sweep's points say of its axes.

    `epoch` is the one at which the points are compared; null if each is at its last one. If some trials were
    stopped early, `epochs` has the epochs at which they were, and the last one.

    `method`: least squares on all axes `together`, or each axis `alone` where points are too few to separate
    them. `intervals`: over `seeds` or `folds`, paired, or over `points` by what the effects do not explain.
    `words` says this in a sentence, `importance_words` what the importances rest on, or why there are none.
    """

    model_config = ConfigDict(json_schema_extra={"example": EXAMPLE})

    objective: ObjectiveView
    points: int
    trials: int
    seeds: int
    folds: int
    epoch: int | None
    epochs: list[ReachedEpochView]
    mean: float
    method: Literal["together", "alone"]
    intervals: Literal["seeds", "folds", "points"]
    words: str
    importance_words: str
    left_out: LeftOutView
    axes: list[AxisEffectsView]


def effects_view(effects: Effects, objective: Objective, epochs: Sequence[ReachedEpoch] = ()) -> EffectsView:
    """The effects of all axes, and the epochs at which points can be compared."""
    return EffectsView(
        objective=objective_view(objective),
        points=effects.points,
        trials=effects.trials,
        seeds=effects.repeats.seeds,
        folds=effects.repeats.folds,
        epoch=effects.epoch,
        epochs=[ReachedEpochView(epoch=epoch, points=points) for epoch, points in epochs],
        mean=effects.mean,
        method=effects.method,
        intervals=effects.intervals,
        words=effects.words,
        importance_words=effects.importance_words,
        left_out=left_out_view(effects.left_out),
        axes=[_axis_view(axis) for axis in effects.axes],
    )


def left_out_view(left_out: LeftOutTrials) -> LeftOutView:
    """The counts of trials that are left out."""
    return LeftOutView(**asdict(left_out), words=left_out.words)


def _axis_view(axis: AxisEffects) -> AxisEffectsView:
    return AxisEffectsView(
        path=axis.path,
        name=axis.name,
        bins=len(axis.levels) if axis.binned else None,
        levels=[_level_view(level) for level in axis.levels],
        inactive=None if axis.inactive is None else _level_view(axis.inactive),
        importance=_importance_view(axis.importance),
        together=list(axis.together),
    )


def _level_view(level: LevelEffect) -> LevelView:
    return LevelView(
        text=level.text,
        n=level.n,
        mean=level.mean,
        effect=level.effect,
        low=level.low,
        high=level.high,
        shown=level.shown,
    )


def _importance_view(importance: Importance | None) -> ImportanceView | None:
    if importance is None:
        return None
    return ImportanceView(share=importance.share, low=importance.low, high=importance.high)
