"""A real worker on a real queue: what it does with packs, devices, signals and death."""

from __future__ import annotations

import signal
from collections.abc import Callable

import psutil
import pytest
from sqlalchemy import select
from upkeep_thread import upkeep
from worker_process import AtWork, descendants, running, wait_for

from services.queue import Publisher
from services.settings import Settings
from services.store import devices, reports, workers
from services.store.models import Pack, Report, Trial
from services.store.session import Store

Submit = Callable[..., str]
LONG = {"train": {"epochs": 40}}


def trials_of(store: Store, sweep_id: str) -> list[Trial]:
    """The sweep's trials by number."""
    query = select(Trial).where(Trial.sweep_id == sweep_id).order_by(Trial.number)
    return list(store.read(lambda session: session.scalars(query).all()))


def states(store: Store, sweep_id: str) -> set[str]:
    """The states that the sweep's trials are in."""
    return {trial.state for trial in trials_of(store, sweep_id)}


def epochs(store: Store, sweep_id: str) -> int:
    """The epoch of the sweep's first trial; 0 before it is drawn."""
    found = trials_of(store, sweep_id)
    return found[0].epoch if found else 0


def packs_of(store: Store, sweep_id: str) -> list[Pack]:
    """The sweep's packs, oldest first."""
    query = select(Pack).where(Pack.sweep_id == sweep_id).order_by(Pack.created_at)
    return list(store.read(lambda session: session.scalars(query).all()))


def curves(store: Store, sweep_id: str) -> dict[tuple[int, int], dict[str, float]]:
    """All metrics by trial number and epoch, speeds aside."""
    query = select(Trial.number, Report).join(Report).where(Trial.sweep_id == sweep_id)
    rows = store.read(lambda session: session.execute(query).all())
    return {(number, report.epoch): report.metrics for number, report in rows}


def processes(worker: int) -> tuple[psutil.Process, psutil.Process]:
    """A worker's supervisor and its runner."""
    found = {"workers.runner" in process.cmdline(): process for process in descendants(worker)}
    return found[False], found[True]


def claimed(store: Store) -> dict[str, str]:
    """Which worker holds which device now."""
    rows = store.read(devices.all_devices)
    return {device.id.split("/")[1]: str(device.worker) for device, alive in rows if alive}


def test_a_grid_trains_without_upkeep(at_work: AtWork) -> None:
    store, sweep_id = at_work.store, at_work.submit()
    wait_for(lambda: states(store, sweep_id) == {"succeeded"}, what="success")
    for trial in trials_of(store, sweep_id):
        curve = store.read(lambda session, t=trial: reports.curve(session, t.id))
        assert [report.epoch for report in curve] == [1, 2, 3]
        assert trial.best_value == max(report.metrics["val/acc"] for report in curve)
        assert trial.best_value > 0.6
        assert (at_work.settings.files / trial.best_file).exists()


def test_a_message_that_means_nothing_is_ignored(at_work: AtWork) -> None:
    store, publisher = at_work.store, Publisher(at_work.settings)
    assert publisher.send("no-such-pack", "cpu")
    sweep_id = at_work.submit()
    (pack,) = packs_of(store, sweep_id)
    assert publisher.send(pack.id, "cpu")  # doubled
    wait_for(lambda: states(store, sweep_id) == {"succeeded"}, what="success")
    again = at_work.submit()
    wait_for(lambda: states(store, again) == {"succeeded"}, what="the next sweep's success")
    assert [trial.attempts for trial in trials_of(store, sweep_id)] == [1, 1, 1, 1]
    assert at_work.worker.process.poll() is None


@pytest.mark.long
def test_two_workers_hold_two_devices_and_a_third_waits(sqlite_store: Store, lab: Settings) -> None:
    def says() -> list[str]:
        return [w.says for w in sqlite_store.read(lambda session: workers.seen_within(session, 5))]

    with running("workers", lab) as first, running("workers", lab):
        wait_for(lambda: set(claimed(sqlite_store)) == {"cpu:0", "cpu:1"}, what="both claims")
        assert len(set(claimed(sqlite_store).values())) == 2
        with running("workers", lab) as third:
            wait_for(lambda: any("every device of this host is claimed" in words for words in says()))
            first.process.send_signal(signal.SIGKILL)
            wait_for(
                lambda: any(w.endswith(f":{third.pid}") for w in claimed(sqlite_store).values()),
                what="the third worker's claim",
            )
    # One that is terminated while it still starts gives nothing back: its claim expires.
    wait_for(lambda: claimed(sqlite_store) == {}, 10, what="the end of every claim")


@pytest.mark.long
def test_a_killed_worker_leaves_no_process_and_its_trials_resume_at_once(
    sqlite_store: Store, lab: Settings, submit: Submit
) -> None:
    """Its host sees that it is dead: nobody waits for the end of its lease and of its claim."""
    patient = lab.model_copy(update={"lease_ttl": 600.0, "devices": "cpu:0"})
    with upkeep(patient), running("workers", patient) as worker:
        undisturbed = submit(name="undisturbed", train={"epochs": 12})
        wait_for(lambda: states(sqlite_store, undisturbed) == {"succeeded"}, what="success")
        sweep_id = submit(train={"epochs": 12})
        wait_for(lambda: epochs(sqlite_store, sweep_id) >= 3, what="the third epoch")
        below = descendants(worker.pid)
        assert len(below) == 2  # the child that supervises, and its runner
        worker.process.send_signal(signal.SIGKILL)
        _, alive = psutil.wait_procs(below, timeout=3)
        assert alive == []
        with running("workers", patient):
            wait_for(lambda: states(sqlite_store, sweep_id) == {"succeeded"}, what="success after it")
    first, second = packs_of(sqlite_store, sweep_id)
    assert (first.state, second.state) == ("lost", "closed")
    assert second.start_epoch >= 2
    assert [(trial.attempts, trial.losses) for trial in trials_of(sqlite_store, sweep_id)] == [(2, 1)] * 4
    assert curves(sqlite_store, sweep_id) == curves(sqlite_store, undisturbed)


@pytest.mark.long
def test_a_terminated_worker_saves_the_last_epoch_gives_its_pack_back_and_goes(
    sqlite_store: Store, lab: Settings, submit: Submit
) -> None:
    seldom = lab.model_copy(update={"checkpoint_every": 1000.0})
    with running("workers", seldom) as worker:
        sweep_id = submit(**LONG)
        wait_for(lambda: epochs(sqlite_store, sweep_id) >= 2, what="the second epoch")
        worker.process.send_signal(signal.SIGTERM)
        wait_for(lambda: worker.process.poll() is not None, seconds=10, what="the worker's end")
    assert worker.process.returncode == 0
    (stand,) = {(trial.state, trial.epoch, trial.saved_epoch) for trial in trials_of(sqlite_store, sweep_id)}
    assert stand[0] == "pending"
    assert stand[1] == stand[2] >= 2
    assert [pack.state for pack in packs_of(sqlite_store, sweep_id)] == ["closed"]
    assert claimed(sqlite_store) == {}


@pytest.mark.long
def test_a_damaged_checkpoint_is_noticed_and_the_one_before_taken(
    sqlite_store: Store, lab: Settings, submit: Submit
) -> None:
    with running("workers", lab) as worker:
        sweep_id = submit(train={"epochs": 10})
        wait_for(lambda: epochs(sqlite_store, sweep_id) >= 4, what="the fourth epoch")
        worker.process.send_signal(signal.SIGTERM)
        wait_for(lambda: worker.process.poll() is not None, seconds=10, what="the worker's end")
    newest = trials_of(sqlite_store, sweep_id)[0].saved_epoch
    (file,) = lab.files.glob(f"packs/*/epoch-{newest:05d}.safetensors")
    data = bytearray(file.read_bytes())
    data[-9] ^= 1
    file.write_bytes(data)
    with upkeep(lab), running("workers", lab):
        wait_for(lambda: states(sqlite_store, sweep_id) == {"succeeded"}, what="success")
    started = [pack.start_epoch for pack in packs_of(sqlite_store, sweep_id)]
    assert started == [0, newest, newest - 1]


def test_a_killed_runner_costs_one_attempt_and_blames_nobody_in_company(at_work: AtWork) -> None:
    store = at_work.store
    with upkeep(at_work.settings):
        sweep_id = at_work.submit(train={"epochs": 12})
        wait_for(lambda: epochs(store, sweep_id) >= 2, what="the second epoch")
        _, runner = processes(at_work.worker.pid)
        runner.kill()
        wait_for(lambda: states(store, sweep_id) == {"succeeded"}, what="success after the kill")
    assert {trial.crashes for trial in trials_of(store, sweep_id)} == {0}
    assert {trial.most_alive for trial in trials_of(store, sweep_id)} == {2}


def test_a_diverged_trial_fails_alone(at_work: AtWork) -> None:
    store = at_work.store
    sweep_id = at_work.submit(
        space={"train.optimizer.lr": [0.05, 0.1, 100]}, train={"epochs": 3, "optimizer": "sgd"}
    )
    wait_for(lambda: states(store, sweep_id) <= {"succeeded", "failed"}, what="the end")
    ended = [(trial.state, (trial.failure or {}).get("kind")) for trial in trials_of(store, sweep_id)]
    assert ended == [("succeeded", None), ("succeeded", None), ("failed", "diverged")]


@pytest.mark.long
def test_a_killed_supervisor_comes_again_at_once_on_the_same_device(
    sqlite_store: Store, lab: Settings, submit: Submit
) -> None:
    """Nobody waits for the end of its lease."""
    patient = lab.model_copy(update={"lease_ttl": 600.0})
    with upkeep(patient), running("workers", patient) as worker:
        sweep_id = submit(train={"epochs": 12})
        wait_for(lambda: epochs(sqlite_store, sweep_id) >= 2, what="the second epoch")
        holder = claimed(sqlite_store)
        supervisor, runner = processes(worker.pid)
        runner.suspend()  # one that hangs must go too
        supervisor.kill()
        wait_for(lambda: runner.status() == psutil.STATUS_ZOMBIE, 15, "the runner's end")
        wait_for(lambda: states(sqlite_store, sweep_id) == {"succeeded"}, what="success after the kill")
        assert claimed(sqlite_store) == holder
    assert [pack.state for pack in packs_of(sqlite_store, sweep_id)] == ["lost", "closed"]
    assert {trial.losses for trial in trials_of(sqlite_store, sweep_id)} == {1}


@pytest.mark.long
def test_a_signal_to_every_process_at_once_saves_and_gives_the_pack_back(
    sqlite_store: Store, lab: Settings, submit: Submit
) -> None:
    seldom = lab.model_copy(update={"checkpoint_every": 1000.0})
    with running("workers", seldom) as worker:
        sweep_id = submit(**LONG)
        wait_for(lambda: epochs(sqlite_store, sweep_id) >= 2, what="the second epoch")
        for process in [psutil.Process(worker.pid), *descendants(worker.pid)]:
            process.terminate()
        wait_for(lambda: worker.process.poll() is not None, seconds=10, what="the worker's end")
    assert worker.process.returncode == 0
    trials = trials_of(sqlite_store, sweep_id)
    (stand,) = {(t.state, t.epoch, t.saved_epoch, t.crashes, t.losses, t.most_alive) for t in trials}
    assert stand == ("pending", stand[1], stand[1], 0, 0, None)
    assert stand[1] >= 2
    assert [pack.state for pack in packs_of(sqlite_store, sweep_id)] == ["closed"]
    assert claimed(sqlite_store) == {}


@pytest.mark.long
def test_a_signal_to_a_child_alone_ends_its_worker_and_no_pack_after_it(
    sqlite_store: Store, lab: Settings, submit: Submit
) -> None:
    with upkeep(lab), running("workers", lab) as worker:
        sweep_id = submit(**LONG)
        wait_for(lambda: epochs(sqlite_store, sweep_id) >= 1, what="the first epoch")
        supervisor, _ = processes(worker.pid)
        supervisor.terminate()
        wait_for(lambda: worker.process.poll() is not None, seconds=10, what="the worker's end")
        assert worker.process.returncode == 0
        assert "closed" in [pack.state for pack in packs_of(sqlite_store, sweep_id)]
        assert {pack.leased_at is None for pack in packs_of(sqlite_store, sweep_id)[1:]} <= {True}
        with running("workers", lab):
            began = epochs(sqlite_store, sweep_id)
            wait_for(lambda: epochs(sqlite_store, sweep_id) > began, what="an epoch of the next worker")


@pytest.mark.long
def test_a_runner_that_hangs_is_killed_and_its_trials_train_on(
    sqlite_store: Store, lab: Settings, submit: Submit
) -> None:
    impatient = lab.model_copy(update={"stall_floor": 2.0, "stall_factor": 2.0})
    with upkeep(impatient), running("workers", impatient) as worker:
        sweep_id = submit(train={"epochs": 12})
        wait_for(lambda: epochs(sqlite_store, sweep_id) >= 2, what="the second epoch")
        _, runner = processes(worker.pid)
        runner.suspend()
        wait_for(lambda: states(sqlite_store, sweep_id) == {"succeeded"}, what="success after the stall")
    first = packs_of(sqlite_store, sweep_id)[0]
    assert first.state == "lost"
    assert "no progress for" in first.outcome
    assert {trial.crashes for trial in trials_of(sqlite_store, sweep_id)} == {0}


@pytest.mark.long
def test_a_main_process_that_hangs_is_shown_and_others_take_its_work(
    sqlite_store: Store, lab: Settings, submit: Submit
) -> None:
    def says() -> list[str]:
        return [w.says for w in sqlite_store.read(lambda session: workers.seen_within(session, 5))]

    with upkeep(lab), running("workers", lab) as first:
        wait_for(lambda: any("idle on cpu:0" in words for words in says()), what="an idle worker")
        main = psutil.Process(first.pid)
        main.suspend()
        wait_for(lambda: any("takes no messages on cpu:0" in words for words in says()), 20, "the words")
        assert sqlite_store.read(devices.live) == {}
        with running("workers", lab):
            sweep_id = submit()
            wait_for(lambda: states(sqlite_store, sweep_id) == {"succeeded"}, what="success elsewhere")
            assert {pack.device.split("/")[1] for pack in packs_of(sqlite_store, sweep_id)} == {"cpu:1"}
        main.resume()
        wait_for(lambda: any("idle on cpu:0" in words for words in says()), 20, "the worker's return")
