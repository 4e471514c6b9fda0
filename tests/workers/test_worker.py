"""A real worker on a real queue: what it does with packs, devices, signals and death."""

from __future__ import annotations

import os
import signal

import psutil
from worker_process import descendants, running, wait_for

from services.settings import Settings
from services.store import devices, reports, sweeps, trials, workers
from services.store.models import Trial
from services.store.session import Store
from workers.claim import Claim
from sqlalchemy import select


def all_trials(store: Store, sweep_id: str) -> list[Trial]:
    """The sweep's trials by number."""
    query = select(Trial).where(Trial.sweep_id == sweep_id).order_by(Trial.number)
    return list(store.read(lambda session: session.scalars(query).all()))


def states(store: Store, sweep_id: str) -> set[str]:
    """The states that the sweep's trials are in."""
    return {trial.state for trial in all_trials(store, sweep_id)}


def test_a_grid_trains_without_upkeep(sqlite_store: Store, lab: Settings, submit) -> None:
    with running("workers", lab):
        sweep_id = submit()
        wait_for(lambda: states(sqlite_store, sweep_id) == {"succeeded"}, what="success")
    for trial in all_trials(sqlite_store, sweep_id):
        curve = sqlite_store.read(lambda session, t=trial: reports.curve(session, t.id))
        assert [report.epoch for report in curve] == [1, 2, 3]
        assert trial.best_value == max(report.metrics["val/acc"] for report in curve)
        assert trial.best_value > 0.6
        assert (lab.files / trial.best_file).exists()
