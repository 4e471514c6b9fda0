"""A trial as JSON: in brief, and with everything known of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel

from services.api.views.values import Time, finite
from services.domain import links
from services.domain.plan import Plan
from services.domain.states import TrialState
from services.settings import Settings
from services.store.models import Pack, Report, Sweep, Trial


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
    outcome: str | None
    machine: dict[str, Any] | None


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

    seed: int
    config: dict[str, Any]
    curve: list[Point]
    attempts: list[Attempt]


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
    settings: Settings,
) -> TrialDetail:
    """A trial with its config, its curve and the packs that trained it."""
    return TrialDetail(
        **_shown(trial, sweep, settings),
        seed=trial.seed,
        config=Plan.model_validate(sweep.plan).config(trial.point),
        curve=[Point(epoch=report.epoch, at=report.at, metrics=report.metrics) for report in curve],
        attempts=[_attempt(row, pack) for row, pack in attempts],
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
        outcome=pack.outcome,
        machine=pack.machine,
    )


def _shown(trial: Trial, sweep: Sweep, settings: Settings) -> dict[str, Any]:
    mlflow, best = settings.link_to_mlflow(), finite(trial.best_value)
    made_good = trial.state in (TrialState.SUCCEEDED, TrialState.PRUNED)
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
            "mlflow": links.trial_link(mlflow, sweep.experiment_id, trial.run_id)
            if mlflow and sweep.experiment_id and trial.run_id
            else None,
        },
    }
