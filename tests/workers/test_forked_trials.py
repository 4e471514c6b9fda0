"""Forks of trials that a real worker trains: when they begin, with what, and after a kill."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import psutil
import pytest
from sqlalchemy import select
from upkeep_thread import upkeep
from worker_process import AtWork, descendants, running, wait_for

from services.api.library import Library
from services.domain.planning.fork_plan import Parent, plan_fork
from services.settings import Settings
from services.store import forks, sweeps, trials
from services.store.models import Report, Trial
from services.store.session import Session, Store

Submit = Callable[..., str]
EPOCHS = 14


@pytest.fixture
def at_work(sqlite_store: Store, lab: Settings, submit: Submit) -> Iterator[AtWork]:
    """A laboratory in which no checkpoint is due for an hour."""
    seldom = lab.model_copy(update={"checkpoint_every": 3600.0})
    with upkeep(seldom), running("workers", seldom) as worker:
        yield AtWork(seldom, sqlite_store, submit, worker)


@pytest.fixture
def parent(at_work: AtWork) -> Trial:
    """A trial that trains and has no checkpoint."""
    trial_id = at_work.submit(train={"epochs": EPOCHS}) + "-0002"
    wait_for(lambda: row(at_work.store, trial_id).epoch >= 2, what="the second epoch")
    return row(at_work.store, trial_id)


def row(store: Store, trial_id: str) -> Trial:
    found: Trial | None = store.read(lambda session: session.get(Trial, trial_id))
    return found or Trial(epoch=0)


def fork(store: Store, trial_id: str) -> str:
    """Fork a trial with its own values; the fork's id."""

    def write(session: Session) -> str:
        trial = trials.get(session, trial_id)
        sweep = sweeps.get(session, trial.sweep_id)
        numbers = trial.number, trial.replicate, trial.seed, trial.shape, trial.target_epoch
        parent = Parent(trial_id, *numbers, sweep.plan.config_of(trial), sweep.spec, sweep.plan)
        return forks.fork(session, trial_id, *plan_fork(parent, {}, Library()), "") + "-0000"

    return store.write(write)


def curve(store: Store, trial_id: str) -> dict[int, dict[str, float]]:
    """All metrics by epoch, speeds aside."""
    found = store.read(lambda s: s.scalars(select(Report).where(Report.trial_id == trial_id)).all())
    return {
        report.epoch: {name: value for name, value in report.metrics.items() if not name.startswith("perf/")}
        for report in found
    }


def ends(store: Store, *ids: str) -> Callable[[], bool]:
    return lambda: all(row(store, trial_id).state == "succeeded" for trial_id in ids)


@pytest.mark.long
def test_a_fork_of_a_running_trial_goes_on_with_its_next_epoch(at_work: AtWork, parent: Trial) -> None:
    store = at_work.store
    asked = row(store, parent.id).epoch
    made = fork(store, parent.id)
    wait_for(lambda: row(store, made).start_epoch is not None, what="the fork's start")
    wait_for(ends(store, parent.id, made), 120, "both ends")
    start = row(store, made).start_epoch
    assert start is not None
    assert asked < start <= asked + 3
    whole, rest = curve(store, parent.id), curve(store, made)
    assert rest == {epoch: whole[epoch] for epoch in range(start + 1, EPOCHS + 1)}, "to the last bit"


@pytest.mark.long
def test_a_runner_that_is_killed_before_the_fork_begins_loses_no_fork(at_work: AtWork, parent: Trial) -> None:
    """Its parent has no checkpoint then, so the fork begins with the first weights."""
    store = at_work.store
    runner = next(p for p in descendants(at_work.worker.pid) if "workers.runner" in p.cmdline())
    runner.suspend()
    made = fork(store, parent.id)
    assert row(store, made).start_epoch is None
    runner.kill()
    psutil.wait_procs([runner], timeout=5)
    wait_for(ends(store, parent.id, made), 120, "both ends")
    assert row(store, made).start_epoch == 0
    assert curve(store, made) == curve(store, parent.id)
    assert len(curve(store, made)) == EPOCHS
