"""Pause, stop and retry with a real worker: devices come back, and curves tell nothing of it."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from sqlalchemy import select
from upkeep_thread import upkeep
from worker_process import AtWork, wait_for

from services.store import devices, sweep_verbs, sweeps, trial_verbs
from services.store.models import Pack, Report, Trial
from services.store.session import Store

LONG = {"epochs": 12}


def trials_of(store: Store, sweep_id: str) -> list[Trial]:
    query = select(Trial).where(Trial.sweep_id == sweep_id).order_by(Trial.number)
    return list(store.read(lambda session: session.scalars(query).all()))


def states(store: Store, sweep_id: str) -> set[str]:
    return {trial.state for trial in trials_of(store, sweep_id)}


def epochs(store: Store, sweep_id: str) -> int:
    return min((trial.epoch for trial in trials_of(store, sweep_id)), default=0)


def curves(store: Store, sweep_id: str) -> dict[tuple[int, int], dict[str, float]]:
    """All metrics by trial number and epoch, speeds aside."""
    query = select(Trial.number, Report).join(Report).where(Trial.sweep_id == sweep_id)
    rows = store.read(lambda session: session.execute(query).all())
    return {
        (number, report.epoch): {k: v for k, v in report.metrics.items() if not k.startswith("perf/")}
        for number, report in rows
    }


def packs_of(store: Store, sweep_id: str) -> list[Pack]:
    query = select(Pack).where(Pack.sweep_id == sweep_id).order_by(Pack.created_at)
    return list(store.read(lambda session: session.scalars(query).all()))


def busy(store: Store) -> list[str]:
    """The packs that devices train now."""
    found = store.read(devices.all_devices)
    return [device.pack_id for device, alive in found if alive and device.pack_id]


@pytest.fixture
def store(at_work: AtWork) -> Iterator[Store]:
    """The store of the laboratory that all tests of this file share, in which upkeep runs too."""
    with upkeep(at_work.settings):
        yield at_work.store


@pytest.fixture(scope="module")
def undisturbed(at_work: AtWork) -> str:
    """A sweep that was trained without a break."""
    with upkeep(at_work.settings):
        sweep_id = at_work.submit(name="undisturbed", train=LONG)
        wait_for(lambda: states(at_work.store, sweep_id) == {"succeeded"}, what="success")
    return sweep_id


@pytest.mark.long
def test_a_pause_frees_the_device_and_leaves_no_trace_in_the_curve(
    at_work: AtWork, store: Store, undisturbed: str
) -> None:
    paused = at_work.submit(name="paused", train=LONG)
    wait_for(lambda: epochs(store, paused) >= 3, what="the third epoch")
    store.write(lambda session: sweep_verbs.pause(session, paused))
    wait_for(lambda: states(store, paused) == {"pending"}, seconds=10, what="the pack's return")
    wait_for(lambda: busy(store) == [], seconds=10, what="a free device")
    stood = epochs(store, paused)
    assert 3 <= stood < LONG["epochs"]

    other = at_work.submit(name="other")  # the device works for somebody else meanwhile
    wait_for(lambda: states(store, other) == {"succeeded"}, what="the other's success")
    assert states(store, paused) == {"pending"}
    assert epochs(store, paused) == stood

    store.write(lambda session: sweep_verbs.resume(session, paused))
    wait_for(lambda: states(store, paused) == {"succeeded"}, what="success after the pause")
    first, second = packs_of(store, paused)
    assert (first.state, second.start_epoch) == ("closed", stood)
    assert [(t.crashes, t.losses, t.attempts) for t in trials_of(store, paused)] == [(0, 0, 2)] * 4
    assert curves(store, paused) == curves(store, undisturbed)


@pytest.mark.long
def test_a_trial_that_was_cancelled_and_retried_has_the_same_curve(
    at_work: AtWork, store: Store, undisturbed: str
) -> None:
    """Its checkpoint is pruned in between, so it starts anew, and every epoch is there once."""
    sweep_id = at_work.submit(train=LONG)
    wait_for(lambda: epochs(store, sweep_id) >= 2, what="the second epoch")
    second = trials_of(store, sweep_id)[1].id
    store.write(lambda session: trial_verbs.cancel(session, second))
    over = lambda: store.read(lambda s: sweeps.get(s, sweep_id)).state == "partial"  # noqa: E731
    wait_for(over, what="the end without it")
    cut = trials_of(store, sweep_id)[1]
    assert (cut.state, cut.cancel) == ("cancelled", False)
    assert 2 <= cut.epoch < LONG["epochs"]
    pruned = lambda: trials_of(store, sweep_id)[1].saved_epoch == 0  # noqa: E731
    wait_for(pruned, what="the checkpoint's removal")

    store.write(lambda session: trial_verbs.retry(session, second))
    wait_for(lambda: states(store, sweep_id) == {"succeeded"}, what="success of the retry")
    assert curves(store, sweep_id) == curves(store, undisturbed)


@pytest.mark.long
def test_stop_finishes_what_runs_and_nothing_else(at_work: AtWork, store: Store) -> None:
    sweep_id = at_work.submit(
        train=LONG, space={"train.batch_size": [50, 60, 70, 80], "train.optimizer.lr": [0.05, 0.1]}
    )
    wait_for(lambda: any(t.epoch for t in trials_of(store, sweep_id)), what="the first epoch")
    store.write(lambda session: sweep_verbs.stop(session, sweep_id))
    over = lambda: store.read(lambda s: sweeps.get(s, sweep_id)).state == "partial"  # noqa: E731
    wait_for(over, what="the end")
    time.sleep(0.5)  # a round of upkeep
    found = trials_of(store, sweep_id)
    assert [trial.state for trial in found if trial.started_at] == ["succeeded"] * 2
    assert {trial.state for trial in found if not trial.started_at} <= {"cancelled"}
    assert len(found) < 8
