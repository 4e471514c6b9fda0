"""A sweep as JSON: its progress, its best point so far, and its cost."""

from __future__ import annotations

from pydantic import BaseModel

from services.api.library import Library
from services.api.views.axis import AxisView, axis_view
from services.api.views.comparison import ComparisonView, comparison_view
from services.api.views.mlflow import MlflowView, mlflow_view
from services.api.views.objective import ObjectiveView, objective_view
from services.api.views.point import PointView, point_view
from services.api.views.values import Time
from services.domain.planning.catalog import ConfigFault
from services.domain.results import eta
from services.domain.states import SWEEP_DISPATCHABLE, SWEEP_DRAWABLE, SweepState, TrialState
from services.settings import Settings
from services.store import leaderboard
from services.store.sweep_status import SweepStatus
from services.tracking import links

NO_WORKER = "no worker is running, so the sweep waits: start one with `cnnlab up` or add a worker"
NO_WORKER_WITH_PLUGINS = (
    "no worker has the plug-ins {} that the sweep was planned with, so it waits: set CNNLAB_PLUGINS to the "
    "same folder for the API and the workers, and restart the workers"
)


class TrialCounts(BaseModel):
    """Trials by state; `waiting` includes those that have not been drawn yet."""

    total: int
    waiting: int
    queued: int
    running: int
    succeeded: int
    pruned: int
    failed: int
    cancelled: int


class EpochCounts(BaseModel):
    """Epochs, summed over all trials."""

    done: int
    total: int


class ShapeView(BaseModel):
    """One architecture of the sweep; `width` of its trials train side by side."""

    key: str
    parameters: int
    width: int


class PriceView(BaseModel):
    """`trials` for the price of `alone`: the device time that as many trials would take one by one."""

    trials: int
    alone: float


class SweepLinks(BaseModel):
    """Related addresses."""

    self: str
    trials: str
    leaderboard: str
    events: str
    mlflow: str | None  # the saved view; the table while there is none
    mlflow_table: str | None  # the plain table of all trials, an address that every MLflow understands
    mlflow_means: str | None  # the saved view of means over seeds


class SweepView(BaseModel):
    """A sweep."""

    id: str
    name: str
    project: str
    state: str
    created_at: Time
    started_at: Time | None
    finished_at: Time | None
    trials: TrialCounts
    epochs: EpochCounts
    eta_seconds: float | None
    seeds: int
    points: int
    best: PointView | None
    comparison: ComparisonView | None
    objective: ObjectiveView
    axes: list[AxisView]
    shapes: list[ShapeView]
    price: PriceView | None
    mlflow: MlflowView | None
    links: SweepLinks
    waiting_for: str | None


class SweepsView(BaseModel):
    """A page of sweeps, newest first; `next` is null on the last one."""

    sweeps: list[SweepView]
    next: str | None


def sweep_view(status: SweepStatus, settings: Settings, library: Library) -> SweepView:
    """A sweep as it is now."""
    sweep, plan, objective = status.sweep, status.plan, status.spec.objective
    return SweepView(
        id=sweep.id,
        name=sweep.name,
        project=sweep.project,
        state=sweep.state,
        created_at=sweep.created_at,
        started_at=sweep.started_at,
        finished_at=sweep.finished_at,
        trials=_trial_counts(status),
        epochs=EpochCounts(
            done=sum(epochs.done for epochs in status.epochs.values()),
            total=sum(shape.epochs * shape.points for shape in plan.shapes) * plan.seeds,
        ),
        eta_seconds=_eta(status),
        seeds=plan.seeds,
        points=plan.points,
        best=point_view(status.best[0], sweep, settings) if status.best else None,
        comparison=comparison_view(leaderboard.comparison(status.best, objective, plan.seeds)),
        objective=objective_view(objective),
        axes=[axis_view(axis) for axis in plan.axes],
        shapes=[
            ShapeView(key=shape.key, parameters=shape.parameters, width=shape.width) for shape in plan.shapes
        ],
        price=_price(status, library),
        mlflow=mlflow_view(sweep, status.mirrored, settings),
        links=_links(status, settings),
        waiting_for=_waiting_for(status),
    )


def _waiting_for(status: SweepStatus) -> str | None:
    if status.refused:
        return NO_WORKER_WITH_PLUGINS.format((status.sweep.plugins or "")[:12])
    if status.idle:
        return NO_WORKER
    return None if status.setback is None else f"a failed attempt will be repeated: {status.setback}"


def _links(status: SweepStatus, settings: Settings) -> SweepLinks:
    """Links; those into MLflow are null until the sweep has been exported."""
    sweep, address = status.sweep, f"{settings.public_url}/v1/sweeps/{status.sweep.id}"
    mlflow, experiment = settings.link_to_mlflow(), sweep.mirror.experiment_id
    table = saved = means = None
    if mlflow and experiment:
        table = links.sweep_link(mlflow, experiment, sweep.id, status.spec.objective)
        if sweep.mirror.view_saved:
            saved = links.saved_view_link(mlflow, experiment, sweep.id)
            means = links.means_view_link(mlflow, experiment, sweep.id) if status.plan.seeds > 1 else None
    return SweepLinks(
        self=address,
        trials=f"{address}/trials",
        leaderboard=f"{address}/leaderboard",
        events=f"{address}/events",
        mlflow=saved or table,
        mlflow_table=table,
        mlflow_means=means,
    )


def _trial_counts(status: SweepStatus) -> TrialCounts:
    """Trials not drawn yet are waiting while the sweep may still draw them, and cancelled afterwards."""
    counts = {state: status.counts.get(state, 0) for state in TrialState}
    undrawn = status.sweep.total - sum(counts.values())
    waits = status.sweep.state in SWEEP_DRAWABLE
    return TrialCounts(
        total=status.sweep.total,
        waiting=counts[TrialState.PENDING] + (undrawn if waits else 0),
        queued=counts[TrialState.QUEUED],
        running=counts[TrialState.RUNNING],
        succeeded=counts[TrialState.SUCCEEDED],
        pruned=counts[TrialState.PRUNED],
        failed=counts[TrialState.FAILED],
        cancelled=counts[TrialState.CANCELLED] + (0 if waits else undrawn),
    )


def _eta(status: SweepStatus) -> float | None:
    """Seconds left; None unless the sweep is being trained. One that is stopping draws no more trials."""
    sweep, plan = status.sweep, status.plan
    if sweep.state not in SWEEP_DISPATCHABLE or status.idle or status.setback:
        return None
    undrawn, end = 0, 0
    for shape in plan.shapes:
        trials = shape.points * plan.seeds
        end += trials
        undrawn += shape.epochs * min(trials, max(0, end - sweep.next_number))
    done = sum(epochs.done for epochs in status.epochs.values())
    left = sum(epochs.left for epochs in status.epochs.values())
    left += undrawn if sweep.state == SweepState.ACTIVE else 0
    return eta.eta_seconds(done, left, status.busy, status.at_once)


def _price(status: SweepStatus, library: Library) -> PriceView | None:
    """The price; None until every shape that has trained was also measured with one trial alone."""
    if (
        status.plan.pin
    ):  # a reproduction fills its array with dead rows to get the same bits, not to save time
        return None
    alone = 0.0
    for index, epochs in status.epochs.items():
        if not epochs.done:
            continue
        speed = status.solo.get(status.plan.shapes[index].key)
        if speed is None:
            return None
        config = status.plan.shape_config(index)
        try:
            images = library.training_images(config)
        except ConfigFault:  # the data set is no longer there
            return None
        alone += epochs.done * images / speed
    trials = status.sweep.total
    price = eta.price(trials, status.work, alone)
    return None if price is None else PriceView(trials=trials, alone=round(price, 2))
