"""A point as JSON: its mean over seeds with an interval, its trials, and how the best compare."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from services.domain.results.intervals import Comparison
from services.settings import Settings
from services.store.leaderboard import RankedPoint, Replicate
from services.store.models import Sweep
from services.tracking import links


class ReplicateView(BaseModel):
    """One trial of a point: its value of the objective so far."""

    id: str
    number: int
    replicate: int
    state: str
    value: float | None
    epoch: int
    mlflow: str | None


class PointView(BaseModel):
    """A point: the mean of its trials' values and its 95 % interval, from `low` to `high`.

    Without an interval these are null and `note` says why. `n` of `seeds` replicates have a value.
    """

    point: int
    values: dict[str, Any]
    mean: float | None
    low: float | None
    high: float | None
    sd: float | None
    n: int
    seeds: int
    failed: int
    note: str | None
    trials: list[ReplicateView]


class LeaderboardView(BaseModel):
    """A page of a sweep's points, best first, and whether the best differs from the runner-up."""

    points: list[PointView]
    comparison: Comparison | None
    next: str | None


class BestView(BaseModel):
    """The best point of a sweep, and a spec that trains it again."""

    point: PointView
    spec: dict[str, Any]


def point_view(point: RankedPoint, sweep: Sweep, seeds: int, settings: Settings) -> PointView:
    """A point with its trials."""
    found = point.estimate(seeds)
    return PointView(
        point=point.number,
        values=point.values,
        **found.model_dump(),
        seeds=seeds,
        failed=point.failed,
        trials=[_replicate(each, sweep, settings) for each in point.replicates],
    )


def _replicate(trial: Replicate, sweep: Sweep, settings: Settings) -> ReplicateView:
    mlflow = settings.link_to_mlflow()
    return ReplicateView(
        id=trial.id,
        number=trial.number,
        replicate=trial.replicate,
        state=trial.state,
        value=trial.value,
        epoch=trial.epoch,
        mlflow=links.trial_link(mlflow, sweep.mirror.experiment_id, trial.run_id)
        if mlflow and sweep.mirror.experiment_id and trial.run_id
        else None,
    )
