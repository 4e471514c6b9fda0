"""A point as JSON: its mean over seeds with an interval, and its trials."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from services.api.views.comparison import ComparisonView
from services.api.views.lineage import ForkedFromView
from services.api.views.run_link import run_link
from services.domain.config import as_trained
from services.domain.plan.point_label import PointLabels
from services.domain.results.share import share_of
from services.settings import Settings
from services.store.leaderboard import RankedPoint, Replicate
from services.store.models import Sweep


class ReplicateView(BaseModel):
    """One trial of a point, with the value that ranks it so far."""

    id: str
    number: int
    replicate: int
    fold: int | None  # of its data, on which it is validated; null without folds
    state: str
    value: float | None
    epoch: int
    reused_from: str | None  # the trial of another sweep that has trained its first `reused_epochs`
    reused_epochs: int
    mlflow: str | None


class CellView(BaseModel):
    """A point's value on an axis that varies, as text; null where the axis has no value at the point."""

    path: str
    name: str  # the axis's short name
    text: str | None


class PointView(BaseModel):
    """A point: its values, in one line as `label`, and the mean of its trials' values.

    The mean's 95 % interval goes from `low` to `high`. Without an interval these are null and `note` says
    why. `n` of `seeds` seeds have a value or, with more than one of `folds`, so many folds, each with the
    mean over its seeds; the interval is over the same. `text` is the mean and half the interval as they are
    shown everywhere: `0.852 ± 0.011`. `sampling` is half of the interval that the choice of the `images`
    would give the mean of shares, null for other metrics.
    """

    point: int
    label: str
    values: dict[str, Any]
    cells: list[CellView]
    text: str | None
    mean: float | None
    low: float | None
    high: float | None
    sd: float | None
    images: int | None
    sampling: float | None
    n: int
    seeds: int
    folds: int
    failed: int
    note: str | None
    trials: list[ReplicateView]


class LeaderboardView(BaseModel):
    """A page of a sweep's points, best first, and whether the best differs from the runner-up."""

    points: list[PointView]
    comparison: ComparisonView | None
    next: str | None


class BestView(BaseModel):
    """The best point of a sweep, the best of its trials, and a spec that trains it again."""

    point: PointView
    trial: str  # its id
    spec: dict[str, Any]
    forked_from: ForkedFromView | None  # of a fork: what its trial began with, where the spec begins anew


def point_view(point: RankedPoint, sweep: Sweep, settings: Settings) -> PointView:
    """A point with its trials."""
    plan = sweep.plan
    estimate = point.estimate(plan.repeats, share_of(plan, point.shape, sweep.spec.objective))
    return PointView(
        point=point.number,
        label=plan.labels.label(point.values),
        values=as_trained(point.values),
        cells=cells(point.values, plan.labels),
        mean=estimate.mean,
        low=estimate.low,
        high=estimate.high,
        text=estimate.text,
        sd=estimate.sd,
        images=estimate.images,
        sampling=estimate.sampling,
        n=estimate.n,
        seeds=plan.seeds,
        folds=plan.folds,
        failed=point.failed,
        note=estimate.note,
        trials=[_replicate_view(each, sweep, settings) for each in point.replicates],
    )


def cells(values: Mapping[str, Any], labels: PointLabels) -> list[CellView]:
    """A point's values as a row of a table."""
    return [CellView(path=cell.path, name=cell.name, text=cell.text) for cell in labels.cells(values)]


def _replicate_view(trial: Replicate, sweep: Sweep, settings: Settings) -> ReplicateView:
    return ReplicateView(
        id=trial.id,
        number=trial.number,
        replicate=trial.replicate,
        fold=sweep.plan.repeats.named_fold(trial.replicate),
        state=trial.state,
        value=trial.value,
        epoch=trial.epoch,
        reused_from=trial.reused_from,
        reused_epochs=trial.reused_epochs,
        mlflow=run_link(settings, sweep.mirror.experiment_id, trial.run_id),
    )
