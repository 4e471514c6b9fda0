"""A sweep as JSON: how far it is, what is best so far, and what it cost."""

from __future__ import annotations

from pydantic import BaseModel

from services.api.library import Library
from services.api.views.point import PointView, point_view
from services.api.views.values import Time
from services.domain.plan.plan import Axis
from services.domain.planning.catalog import ConfigFault
from services.domain.results import eta
from services.domain.results.intervals import Comparison
from services.domain.spec.spec import Objective
from services.domain.states import SWEEP_DISPATCHABLE, SWEEP_DRAWABLE, SweepState, TrialState
from services.settings import Settings
from services.store import leaderboard
from services.store.sweep_status import SweepStatus
from services.tracking import links

NOBODY = "no worker is alive: start one with `cnnlab up` or add a worker; the sweep waits"

NOT_THESE = (
    "no worker has the plug-ins {} that the sweep was planned with: set CNNLAB_PLUGINS to the same folder "
    "for the API and the workers, and start these again; the sweep waits"
)


class Tally(BaseModel):
    """Trials by state; `waiting` counts points that no trial was drawn for yet, too."""

    total: int
    waiting: int
    queued: int
    running: int
    succeeded: int
    pruned: int
    failed: int
    cancelled: int


class EpochCount(BaseModel):
    """Epochs over all trials."""

    done: int
    total: int


class ShapeView(BaseModel):
    """One architecture of the sweep, and how many of its trials train side by side."""

    key: str
    parameters: int
    width: int


class Price(BaseModel):
    """`trials` at the price of `alone`: device time so far, in trials trained one by one."""

    trials: int
    alone: float


class SweepLinks(BaseModel):
    """Where to read on."""

    self: str
    trials: str
    leaderboard: str
    events: str
    mlflow: str | None  # the saved view; the table until there is one
    mlflow_table: str | None  # the plain table of all trials: an address that every MLflow understands
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
    trials: Tally
    epochs: EpochCount
    eta_seconds: float | None
    seeds: int
    points: int
    best: PointView | None
    comparison: Comparison | None
    objective: Objective
    axes: list[Axis]
    shapes: list[ShapeView]
    price: Price | None
    links: SweepLinks
    waiting_for: str | None


class SweepsView(BaseModel):
    """A page of sweeps, newest first; `next` is null on the last one."""

    sweeps: list[SweepView]
    next: str | None


def sweep_view(standing: SweepStatus, settings: Settings, library: Library) -> SweepView:
    """A sweep as it stands."""
    sweep, plan, objective = standing.sweep, standing.plan, standing.spec.objective
    return SweepView(
        id=sweep.id,
        name=sweep.name,
        project=sweep.project,
        state=sweep.state,
        created_at=sweep.created_at,
        started_at=sweep.started_at,
        finished_at=sweep.finished_at,
        trials=_tally(standing),
        epochs=EpochCount(
            done=sum(epochs.done for epochs in standing.epochs.values()),
            total=sum(shape.epochs * shape.points for shape in plan.shapes) * plan.seeds,
        ),
        eta_seconds=_eta(standing),
        seeds=plan.seeds,
        points=plan.points,
        best=point_view(standing.best[0], sweep, plan.seeds, settings) if standing.best else None,
        comparison=leaderboard.comparison(standing.best, objective, plan.seeds),
        objective=objective,
        axes=plan.axes,
        shapes=[
            ShapeView(key=shape.key, parameters=shape.parameters, width=shape.width) for shape in plan.shapes
        ],
        price=_price(standing, library),
        links=_links(standing, settings),
        waiting_for=_waiting_for(standing),
    )


def _waiting_for(standing: SweepStatus) -> str | None:
    if standing.refused:
        return NOT_THESE.format((standing.sweep.plugins or "")[:12])
    if standing.idle:
        return NOBODY
    return None if standing.setback is None else f"tried again after a failed attempt: {standing.setback}"


def _links(standing: SweepStatus, settings: Settings) -> SweepLinks:
    """Links into MLflow come with the first export."""
    sweep, address = standing.sweep, f"{settings.public_url}/v1/sweeps/{standing.sweep.id}"
    mlflow, experiment = settings.link_to_mlflow(), sweep.mirror.experiment_id
    table = saved = means = None
    if mlflow and experiment:
        table = links.sweep_link(mlflow, experiment, sweep.id, standing.spec.objective)
        if sweep.mirror.view_saved:
            saved = links.saved_view_link(mlflow, experiment, sweep.id)
            means = links.means_view_link(mlflow, experiment, sweep.id) if standing.plan.seeds > 1 else None
    return SweepLinks(
        self=address,
        trials=f"{address}/trials",
        leaderboard=f"{address}/leaderboard",
        events=f"{address}/events",
        mlflow=saved or table,
        mlflow_table=table,
        mlflow_means=means,
    )


def _tally(standing: SweepStatus) -> Tally:
    """Points never drawn wait while the sweep may still draw them; afterwards they are cancelled."""
    counts = {state: standing.counts.get(state, 0) for state in TrialState}
    undrawn = standing.sweep.total - sum(counts.values())
    waits = standing.sweep.state in SWEEP_DRAWABLE
    return Tally(
        total=standing.sweep.total,
        waiting=counts[TrialState.PENDING] + (undrawn if waits else 0),
        queued=counts[TrialState.QUEUED],
        running=counts[TrialState.RUNNING],
        succeeded=counts[TrialState.SUCCEEDED],
        pruned=counts[TrialState.PRUNED],
        failed=counts[TrialState.FAILED],
        cancelled=counts[TrialState.CANCELLED] + (0 if waits else undrawn),
    )


def _eta(standing: SweepStatus) -> float | None:
    """None unless the sweep is moving; one that is stopping draws no more trials."""
    sweep, plan = standing.sweep, standing.plan
    if sweep.state not in SWEEP_DISPATCHABLE or standing.idle or standing.setback:
        return None
    undrawn, end = 0, 0
    for shape in plan.shapes:
        trials = shape.points * plan.seeds
        end += trials
        undrawn += shape.epochs * min(trials, max(0, end - sweep.next_number))
    done = sum(epochs.done for epochs in standing.epochs.values())
    left = sum(epochs.left for epochs in standing.epochs.values())
    left += undrawn if sweep.state == SweepState.ACTIVE else 0
    return eta.eta_seconds(done, left, standing.busy, standing.at_once)


def _price(standing: SweepStatus, library: Library) -> Price | None:
    """Known once every shape that has trained was also measured alone, one trial at a time."""
    if standing.plan.pin:  # it fills an array with dead rows to have the same bits, not to save anything
        return None
    alone = 0.0
    for index, epochs in standing.epochs.items():
        if not epochs.done:
            continue
        speed = standing.solo.get(standing.plan.shapes[index].key)
        if speed is None:
            return None
        config = standing.plan.shape_config(index)
        try:
            images = library.training_images(config)
        except ConfigFault:  # the data set has gone since
            return None
        alone += epochs.done * images / speed
    trials = standing.sweep.total
    price = eta.price(trials, standing.work, alone)
    return None if price is None else Price(trials=trials, alone=round(price, 2))
