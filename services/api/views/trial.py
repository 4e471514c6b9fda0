"""A trial as JSON: in brief, and in full detail."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel

from services.api.views.lineage import ForkedFromView, ForkView, fork_view, forked_from_view
from services.api.views.run_link import run_link
from services.api.views.rung import RungView, rung_view
from services.api.views.values import Time, finite
from services.domain.config import as_trained
from services.domain.states import TrialState
from services.settings import Settings
from services.store.lineage import ForkedTrial
from services.store.models import Checkpoint, Pack, Report, Sweep, Trial
from services.store.rung_decisions import RungDecision
from services.store.trials import BriefTrial


class BestEpochView(BaseModel):
    """A trial's best epoch and the objective's value there."""

    epoch: int
    value: float


class TrialLinks(BaseModel):
    """Related addresses."""

    self: str
    mlflow: str | None


class CurvePointView(BaseModel):
    """One epoch of a curve; a metric that is not finite is "nan", "inf" or "-inf"."""

    epoch: int
    at: Time
    metrics: dict[str, float | str]


class EngineView(BaseModel):
    """How the steps of an attempt were carried out.

    `steps` were recorded once and repeated, or called layer by layer; `reason` is why some were called.
    `kernels` is the compiled library, or "torch". `rows` is how trials passed through the net. `memory` is
    the most that it has held of a GPU, in bytes.
    """

    steps: Literal["recorded", "called"]
    kernels: str
    precision: str
    rows: Literal["together", "one by one"]
    reason: str
    memory: int


class AttemptView(BaseModel):
    """One pack that trained the trial, or waits to; `kind` is that of its device, cpu or cuda.

    `memory` is what its GPU must have, in bytes, as computed when the pack was formed.
    """

    pack: str
    row: int
    width: int
    kind: str
    device: str | None
    worker: str | None
    memory: int
    state: str
    start_epoch: int
    began_at: Time | None
    ended_at: Time | None
    outcome: str | None
    machine: dict[str, Any] | None
    engine: EngineView | None  # null until its first epoch


class CheckpointView(BaseModel):
    """The checkpoint that a trial resumes from: its row in a file below CNNLAB_FILES."""

    epoch: int
    pack: str
    path: str
    sha256: str
    damaged: bool


class TrialShapeView(BaseModel):
    """The architecture of a trial, and the width of its present array; null before it has a place in one.

    `row_by_row`: why trials of its net cannot pass through it together; null where they can.
    """

    key: str
    parameters: int
    width: int | None
    mixed: bool
    row_by_row: str | None


class TrialBase(BaseModel):
    """What both views of a trial have."""

    id: str
    sweep: str
    number: int
    point: int
    replicate: int
    fold: int | None  # of its data, on which it is validated; null without folds
    state: str
    label: str  # its values in one line
    values: dict[str, Any]
    epoch: int
    until_epoch: int  # it trains up to here: a rung, or its end
    target_epoch: int
    best: BestEpochView | None
    last: float | None
    stopped: dict[str, Any] | None  # the rule that has ended it early, and why
    failure: dict[str, Any] | None
    reused_from: str | None  # the trial of another sweep that has trained its first `reused_epochs`
    reused_epochs: int
    links: TrialLinks


class TrialView(TrialBase):
    """A trial in brief."""

    attempts: int


class TrialDetail(TrialBase):
    """A trial in full detail."""

    created_at: Time
    started_at: Time | None
    finished_at: Time | None
    forked_from: ForkedFromView | None
    forks: list[ForkView]  # trials that were forked from it
    seed: int
    row: int | None
    shape: TrialShapeView
    plugins: str | None  # digest of the plug-ins that the sweep was planned with
    config: dict[str, Any]
    classes_of_metrics: dict[str, str]  # the class of a metric of one class, {"recall-0": "cats"}
    curve: list[CurvePointView]
    attempts: list[AttemptView]
    rungs: list[RungView]  # what was decided at those that it has reached
    checkpoint: CheckpointView | None  # null once nobody needs it
    best_file: str | None  # the weights of its best epoch, as an absolute path


class TrialsView(BaseModel):
    """A page of a sweep's trials, by number; `next` is null on the last one."""

    trials: list[TrialView]
    next: str | None


def trial_view(trial: Trial | BriefTrial, sweep: Sweep, settings: Settings) -> TrialView:
    """A trial in brief."""
    return TrialView(**_base(trial, sweep, settings), attempts=trial.attempts)


def trial_detail(
    trial: Trial,
    sweep: Sweep,
    curve: Sequence[Report],
    attempts: Sequence[tuple[int, Pack]],
    saved: Checkpoint | None,
    rungs: Sequence[RungDecision],
    forks: Sequence[ForkedTrial],
    settings: Settings,
) -> TrialDetail:
    """A trial with its config, its curve, the packs that trained it and its files."""
    plan = sweep.plan
    shape = plan.shapes[trial.shape]
    return TrialDetail(
        **_base(trial, sweep, settings),
        created_at=trial.created_at,
        started_at=trial.started_at,
        finished_at=trial.finished_at,
        forked_from=forked_from_view(plan, trial.start_epoch),
        forks=[fork_view(fork) for fork in forks],
        seed=trial.seed,
        row=trial.row,
        shape=TrialShapeView(
            key=shape.key,
            parameters=shape.parameters,
            width=trial.width,
            mixed=shape.mixed,
            row_by_row=shape.row_by_row or None,
        ),
        plugins=sweep.plugins,
        config=plan.config_of(trial),
        classes_of_metrics=shape.classes_of_metrics,
        curve=[CurvePointView(epoch=report.epoch, at=report.at, metrics=report.metrics) for report in curve],
        attempts=[_attempt_view(row, pack) for row, pack in attempts],
        rungs=[rung_view(each, trial.point, sweep.spec.objective) for each in rungs],
        checkpoint=_checkpoint_view(saved) if saved else None,
        best_file=str((settings.files / trial.best_file).absolute()) if trial.best_file else None,
    )


def _base(trial: Trial | BriefTrial, sweep: Sweep, settings: Settings) -> dict[str, Any]:
    """The fields of `TrialBase`."""
    return {
        "id": trial.id,
        "sweep": trial.sweep_id,
        "number": trial.number,
        "point": trial.point,
        "replicate": trial.replicate,
        "fold": sweep.plan.repeats.named_fold(trial.replicate),
        "state": trial.state,
        "label": sweep.plan.labels.label(trial.values),
        "values": as_trained(trial.values),
        "epoch": trial.epoch,
        "until_epoch": trial.until_epoch,
        "target_epoch": trial.target_epoch,
        "best": _best(trial),
        "last": finite(trial.last_value),
        "stopped": trial.stopped if trial.state == TrialState.PRUNED else None,
        "failure": _failure(trial),
        "reused_from": trial.reused_from,
        "reused_epochs": trial.reused_epochs,
        "links": _links(trial, sweep, settings),
    }


def _best(trial: Trial | BriefTrial) -> BestEpochView | None:
    value = finite(trial.best_value)
    if value is None:
        return None
    assert trial.best_epoch is not None
    return BestEpochView(epoch=trial.best_epoch, value=value)


def _failure(trial: Trial | BriefTrial) -> dict[str, Any] | None:
    """Why the trial failed; a failure that a later attempt made good is in `attempts` only."""
    good = trial.state in (TrialState.SUCCEEDED, TrialState.PRUNED)
    return None if good else trial.failure


def _links(trial: Trial | BriefTrial, sweep: Sweep, settings: Settings) -> TrialLinks:
    return TrialLinks(
        self=f"{settings.public_url}/v1/trials/{trial.id}",
        mlflow=run_link(settings, sweep.mirror.experiment_id, trial.run_id),
    )


def _checkpoint_view(checkpoint: Checkpoint) -> CheckpointView:
    return CheckpointView(
        epoch=checkpoint.epoch,
        pack=checkpoint.pack_id,
        path=checkpoint.path,
        sha256=checkpoint.sha256,
        damaged=checkpoint.damaged,
    )


def _attempt_view(row: int, pack: Pack) -> AttemptView:
    return AttemptView(
        pack=pack.id,
        row=row,
        width=pack.width,
        kind=pack.kind,
        device=pack.device,
        worker=pack.worker,
        memory=pack.memory,
        state=pack.state,
        start_epoch=pack.start_epoch,
        began_at=pack.leased_at,
        ended_at=pack.closed_at,
        outcome=pack.outcome,
        machine=pack.machine,
        engine=EngineView(**pack.engine) if pack.engine else None,
    )
