"""A sweep as JSON: its progress, its best point so far, and its cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from pydantic import BaseModel

from services.api.views.axis import AxisView, axis_view
from services.api.views.blocker import BlockerView, SetbackView, blocker_view, setback_view
from services.api.views.comparison import ComparisonView, comparison_view
from services.api.views.lineage import ForkedFromView, ReusedFromView, reused_from_view
from services.api.views.mlflow import MlflowView
from services.api.views.objective import ObjectiveView, objective_view
from services.api.views.point import PointView, point_view
from services.api.views.values import Time
from services.domain.blocker import INFORMATIVE, Blocker
from services.domain.plan import cohorts
from services.domain.results import eta
from services.domain.results.price import Price
from services.domain.spec.stop import rung_rule
from services.domain.states import SWEEP_DISPATCHABLE, SWEEP_DRAWABLE, SweepState, TrialState
from services.settings import Settings
from services.store import leaderboard, sweep_price
from services.store.attempts import Setback
from services.store.blockers import NO_WORKER, PAUSED_BY_SERVICE, SET_ASIDE, missing_plugins
from services.store.lineage import ReusedSweep
from services.store.standings import Standing
from services.store.sweep_status import SweepStatus
from services.tracking import links


class TrialCounts(BaseModel):
    """Trials by state; `pending` includes those that have not been drawn yet."""

    total: int
    pending: int
    queued: int
    running: int
    held: int
    succeeded: int
    pruned: int
    failed: int
    cancelled: int


class EpochCounts(BaseModel):
    """Epochs, summed over all trials; `reused` of those that are done were trained by other sweeps."""

    done: int
    total: int
    reused: int


class ShapeView(BaseModel):
    """One architecture of the sweep; `width` of its trials train side by side.

    Where its net takes only one trial at a time, they train one after the other: `row_by_row` is why, else
    null.
    """

    key: str
    parameters: int
    width: int
    row_by_row: str | None


class CostView(BaseModel):
    """Device time: training side by side took this `share` of what plain loops take for the same epochs.

    A plain loop is the same net as modules of torch.nn, one trial at a time. It is estimated: one was
    measured for some batches of each architecture. `trials` are those of the sweep without what is reused;
    `words` say both, and `explained` what is compared with what.
    """

    share: float
    trials: int
    words: str
    explained: str


class EndedByView(BaseModel):
    """The rule of early stopping that has ended a sweep before its last trial, and why."""

    rule: str
    reason: str


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
    pause_reason: str | None  # why the service paused it; null when a user did
    stop: list[dict[str, Any]]  # its rules of early stopping
    ended_by: EndedByView | None
    created_at: Time
    started_at: Time | None
    finished_at: Time | None
    extends: str | None  # the sweep that it continues
    trials: TrialCounts
    reused: int  # trials that have their result, or their first epochs, from another sweep
    epochs: EpochCounts
    eta_seconds: float | None
    seeds: int
    folds: int  # of the data, on each of which every point is trained; 1 without folds
    points: int
    best: PointView | None
    comparison: ComparisonView | None
    objective: ObjectiveView
    axes: list[AxisView]
    shapes: list[ShapeView]
    data_notes: list[str]  # of its images: where the validation part is from, what occurs twice
    class_names: list[list[str]]  # of each of its data sets that names up to 100 classes, by their numbers
    classes_of_metrics: dict[str, str]  # the class of a metric of one class, {"recall-0": "cats"}
    cost: CostView | None
    live_rows: float | None  # of the rows that arrays have trained, the share that held trials
    links: SweepLinks
    priority: int
    blocked_by: str | None  # the first reason for which it does not move


class SweepDetail(SweepView):
    """A sweep with where it comes from, all that keeps it from moving, and attempts that failed lately."""

    description: str
    forked_from: ForkedFromView | None  # what the trial of a fork begins with
    reused_from: list[ReusedFromView]  # the sweeps that its `reused` trials are from

    mlflow: MlflowView | None
    blockers: list[BlockerView]
    setbacks: list[SetbackView]


class SweepsView(BaseModel):
    """A page of sweeps, newest first; `next` is null on the last one."""

    sweeps: list[SweepView]
    next: str | None


@dataclass(frozen=True)
class KeptParts:
    """What is the same in every view of a standing: all that follows from it, the plan and the objective.

    `experiment_id` is where in MLflow the links of the best point's trials lead.
    """

    experiment_id: str | None
    epochs: EpochCounts
    best: PointView | None
    comparison: ComparisonView | None
    objective: ObjectiveView
    axes: list[AxisView]
    shapes: list[ShapeView]


# Most sweeps of a page are what they were when it was last shown; a standing belongs to one store, and so to
# one application.
_kept_parts: WeakKeyDictionary[Standing, KeptParts] = WeakKeyDictionary()


def sweep_view(status: SweepStatus, settings: Settings) -> SweepView:
    """A sweep as it is now."""
    sweep, plan, parts = status.sweep, status.plan, _parts(status, settings)
    return SweepView(
        id=sweep.id,
        name=sweep.name,
        project=sweep.project,
        state=sweep.state,
        pause_reason=sweep.pause_reason,
        stop=[rule.model_dump(mode="json", exclude_none=True) for rule in status.rules],
        ended_by=EndedByView.model_validate(sweep.ended_by) if sweep.ended_by else None,
        created_at=sweep.created_at,
        started_at=sweep.started_at,
        finished_at=sweep.finished_at,
        extends=sweep.extends,
        trials=_trial_counts(status),
        reused=status.standing.reused,
        epochs=parts.epochs,
        eta_seconds=_eta(status),
        seeds=plan.seeds,
        folds=plan.folds,
        points=plan.points,
        best=parts.best,
        comparison=parts.comparison,
        objective=parts.objective,
        axes=parts.axes,
        shapes=parts.shapes,
        data_notes=plan.data_notes,
        class_names=plan.class_names,
        classes_of_metrics=plan.classes_of_metrics,
        cost=_cost(sweep_price.of(status)),
        live_rows=None if status.live_share is None else round(status.live_share, 4),
        links=_links(status, settings),
        priority=sweep.priority,
        blocked_by=_blocked_by(status),
    )


def sweep_detail(
    view: SweepView,
    description: str,
    mlflow: MlflowView | None,
    blockers: Sequence[Blocker],
    setbacks: Sequence[Setback],
    forked_from: ForkedFromView | None,
    reused: Sequence[ReusedSweep],
) -> SweepDetail:
    """The same with its blockers; a sweep that does not move has no time left that could be stated."""
    blocking = [blocker for blocker in blockers if blocker.kind not in INFORMATIVE]
    first = {"eta_seconds": None, "blocked_by": blocking[0].message} if blocking else {}
    return SweepDetail(
        **dict(view) | first,
        description=description,
        forked_from=forked_from,
        reused_from=[reused_from_view(each) for each in reused],
        mlflow=mlflow,
        blockers=[blocker_view(blocker) for blocker in blockers],
        setbacks=[setback_view(setback) for setback in setbacks],
    )


def _parts(status: SweepStatus, settings: Settings) -> KeptParts:
    """The parts that are kept, made anew where the standing is new or its links lead elsewhere."""
    sweep, plan, objective, standing = status.sweep, status.plan, status.spec.objective, status.standing
    kept = _kept_parts.get(standing)
    if kept and kept.experiment_id == sweep.mirror.experiment_id:
        return kept
    parts = KeptParts(
        experiment_id=sweep.mirror.experiment_id,
        epochs=EpochCounts(
            done=sum(epochs.done for epochs in standing.epochs.values()),
            total=status.all_epochs,
            reused=sum(epochs.reused for epochs in standing.epochs.values()),
        ),
        best=point_view(standing.best[0], sweep, settings) if standing.best else None,
        comparison=comparison_view(leaderboard.comparison(standing.best, objective, plan.repeats)),
        objective=objective_view(objective),
        axes=[axis_view(axis) for axis in plan.axes],
        shapes=[
            ShapeView(
                key=shape.key,
                parameters=shape.parameters,
                width=shape.width,
                row_by_row=shape.row_by_row or None,
            )
            for shape in plan.shapes
        ],
    )
    _kept_parts[standing] = parts
    return parts


def _blocked_by(status: SweepStatus) -> str | None:
    """The first reason, as far as it is known of every sweep of a list."""
    if why := status.set_aside:
        return f"{SET_ASIDE}: {why}"
    if status.sweep.pause_reason:
        return f"{PAUSED_BY_SERVICE}: {status.sweep.pause_reason}"
    if status.refused:
        return missing_plugins(status.sweep)
    if status.idle:
        return NO_WORKER
    return status.failed[0].message if status.failed else None


def _links(status: SweepStatus, settings: Settings) -> SweepLinks:
    """Links; those into MLflow are null until the sweep has been exported."""
    sweep, address = status.sweep, f"{settings.public_url}/v1/sweeps/{status.sweep.id}"
    mlflow, experiment = settings.link_to_mlflow(), sweep.mirror.experiment_id
    table = saved = means = None
    if mlflow and experiment:
        table = links.sweep_link(mlflow, experiment, sweep.id, status.spec.objective)
        if sweep.mirror.view_saved:
            saved = links.saved_view_link(mlflow, experiment, sweep.id)
            means = (
                links.means_view_link(mlflow, experiment, sweep.id) if status.plan.replicates > 1 else None
            )
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
    """Trials not drawn yet are pending while the sweep may still draw them, and cancelled afterwards."""
    counts = {state: status.standing.counts.get(state, 0) for state in TrialState}
    undrawn = status.sweep.total - sum(counts.values())
    drawable = status.sweep.state in SWEEP_DRAWABLE
    return TrialCounts(
        total=status.sweep.total,
        pending=counts[TrialState.PENDING] + (undrawn if drawable else 0),
        queued=counts[TrialState.QUEUED],
        running=counts[TrialState.RUNNING],
        held=counts[TrialState.HELD],
        succeeded=counts[TrialState.SUCCEEDED],
        pruned=counts[TrialState.PRUNED],
        failed=counts[TrialState.FAILED],
        cancelled=counts[TrialState.CANCELLED] + (0 if drawable else undrawn),
    )


def _eta(status: SweepStatus) -> float | None:
    """Seconds left; None unless the sweep is being trained. One that is stopping draws no more trials."""
    sweep, plan = status.sweep, status.plan
    held = status.idle or status.refused or status.failed
    if sweep.state not in SWEEP_DISPATCHABLE or held:
        return None
    left: dict[int, float] = {shape: epochs.left for shape, epochs in status.standing.epochs.items()}
    undrawn = sweep.drawn.left_by_shape(plan) if sweep.state == SweepState.ACTIVE else {}
    for index, trials in undrawn.items():
        left[index] = left.get(index, 0) + plan.shapes[index].epochs * trials
    trained = {shape: epochs.trained for shape, epochs in status.standing.epochs.items()}
    if rung_rule(status.rules) and (whole := sum(left.values())):
        done = sum(epochs.done for epochs in status.standing.epochs.values())
        expected = max(1, cohorts.expected_epochs(status.spec, plan) - done)
        left = {shape: epochs * min(1, expected / whole) for shape, epochs in left.items()}
    flops = [float(shape.flops) for shape in plan.shapes]
    alone = {at: status.plain[shape.key] for at, shape in enumerate(plan.shapes) if shape.key in status.plain}
    training = eta.training_costs(flops, alone, status.busy, trained)
    usual = status.busy / max(1, sum(trained.values()))
    cost = eta.Cost(training, eta.around(status.commits, status.at_once, usual))
    begun = (sweep.started_at or sweep.created_at) / 1000
    return eta.eta_seconds(begun, status.commits, status.now / 1000, left, cost)


def _cost(price: Price | None) -> CostView | None:
    if price is None:
        return None
    return CostView(share=price.share, trials=price.trials, words=price.words, explained=price.explained)
