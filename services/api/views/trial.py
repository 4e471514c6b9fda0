"""A trial as JSON: in brief, and with everything known of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel

from services.api.views.values import Time, finite
from services.domain.states import TRIAL_GOOD
from services.settings import Settings
from services.store.models import Checkpoint, Pack, Report, Sweep, Trial
from services.tracking import links


class Best(BaseModel):
    """A trial's best epoch and the objective's value there."""

    epoch: int
    value: float


class TrialLinks(BaseModel):
    """Where to read on."""

    self: str
    mlflow: str | None


class Point(BaseModel):
    """One epoch of a curve; a metric that is not finite is "nan", "inf" or "-inf"."""

    epoch: int
    at: Time
    metrics: dict[str, float | str]


class Attempt(BaseModel):
    """One pack that trained the trial, or waits to."""

    pack: str
    row: int
    width: int
    device: str | None
    worker: str | None
    state: str
    start_epoch: int
    began_at: Time | None
    ended_at: Time | None
    outcome: str | None
    machine: dict[str, Any] | None


class SavedRow(BaseModel):
    """The checkpoint that a trial goes on from: its row in a file below CNNLAB_FILES."""

    epoch: int
    pack: str
    path: str
    sha256: str
    damaged: bool


class ShapeOf(BaseModel):
    """The architecture of a trial, and the width of its arrays."""

    key: str
    parameters: int
    width: int
    mixed: bool


class Shown(BaseModel):
    """What every view of a trial has."""

    id: str
    sweep: str
    number: int
    point: int
    replicate: int
    state: str
    values: dict[str, Any]
    epoch: int
    target_epoch: int
    best: Best | None
    last: float | None
    failure: dict[str, Any] | None
    links: TrialLinks


class TrialView(Shown):
    """A trial in brief."""

    attempts: int


class TrialDetail(Shown):
    """Everything known of a trial."""

    created_at: Time
    started_at: Time | None
    finished_at: Time | None
    seed: int
    row: int
    shape: ShapeOf
    plugins: str | None  # digest of the plug-ins that the sweep was planned with
    config: dict[str, Any]
    curve: list[Point]
    attempts: list[Attempt]
    checkpoint: SavedRow | None  # none once the trial needs none
    best_file: str | None  # the weights of its best epoch, below CNNLAB_FILES


class TrialsView(BaseModel):
    """A page of a sweep's trials, by number; `next` is null on the last one."""

    trials: list[TrialView]
    next: str | None


def trial_view(trial: Trial, sweep: Sweep, settings: Settings) -> TrialView:
    """A trial in brief."""
    return TrialView(**_shown(trial, sweep, settings), attempts=trial.attempts)


def trial_detail(
    trial: Trial,
    sweep: Sweep,
    curve: Sequence[Report],
    attempts: Sequence[tuple[int, Pack]],
    saved: Checkpoint | None,
    settings: Settings,
) -> TrialDetail:
    """A trial with its config, its curve, the packs that trained it and what is kept of it."""
    plan = sweep.plan
    shape = plan.shapes[trial.shape]
    return TrialDetail(
        **_shown(trial, sweep, settings),
        created_at=trial.created_at,
        started_at=trial.started_at,
        finished_at=trial.finished_at,
        seed=trial.seed,
        row=trial.row,
        shape=ShapeOf(key=shape.key, parameters=shape.parameters, width=shape.width, mixed=shape.mixed),
        plugins=sweep.plugins,
        config=plan.config(trial.point),
        curve=[Point(epoch=report.epoch, at=report.at, metrics=report.metrics) for report in curve],
        attempts=[_attempt(row, pack) for row, pack in attempts],
        checkpoint=_saved(saved) if saved else None,
        best_file=trial.best_file,
    )


def _saved(checkpoint: Checkpoint) -> SavedRow:
    return SavedRow(
        epoch=checkpoint.epoch,
        pack=checkpoint.pack_id,
        path=checkpoint.path,
        sha256=checkpoint.sha256,
        damaged=checkpoint.damaged,
    )


def _attempt(row: int, pack: Pack) -> Attempt:
    return Attempt(
        pack=pack.id,
        row=row,
        width=pack.width,
        device=pack.device,
        worker=pack.worker,
        state=pack.state,
        start_epoch=pack.start_epoch,
        began_at=pack.leased_at,
        ended_at=pack.closed_at,
        outcome=pack.outcome,
        machine=pack.machine,
    )


def _shown(trial: Trial, sweep: Sweep, settings: Settings) -> dict[str, Any]:
    mlflow, best = settings.link_to_mlflow(), finite(trial.best_value)
    made_good = trial.state in TRIAL_GOOD
    return {
        "id": trial.id,
        "sweep": trial.sweep_id,
        "number": trial.number,
        "point": trial.point,
        "replicate": trial.replicate,
        "state": trial.state,
        "values": trial.values,
        "epoch": trial.epoch,
        "target_epoch": trial.target_epoch,
        "best": None if best is None else {"epoch": trial.best_epoch, "value": best},
        "last": finite(trial.last_value),
        # An attempt that failed and was made good by a later one is history, told by `attempts`.
        "failure": None if made_good else trial.failure,
        "links": {
            "self": f"{settings.public_url}/v1/trials/{trial.id}",
            "mlflow": links.trial_link(mlflow, sweep.mirror.experiment_id, trial.mirror.run_id)
            if mlflow and sweep.mirror.experiment_id and trial.mirror.run_id
            else None,
        },
    }
