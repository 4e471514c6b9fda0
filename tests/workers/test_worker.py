"""A real worker on a real queue: what it does with packs, devices, signals and death."""

from __future__ import annotations

import signal
from collections.abc import Callable

import psutil
import pytest
from sqlalchemy import select
from upkeep_thread import upkeep
from worker_process import descendants, running, wait_for

from services.settings import Settings
from services.store import devices, reports, sweep_verbs, sweeps, workers
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


def claimed(store: Store) -> dict[str, str]:
    """Which worker holds which device now."""
    rows = store.read(devices.all_devices)
    return {device.id.split("/")[1]: str(device.worker) for device, alive in rows if alive}


def test_a_grid_trains_without_upkeep(sqlite_store: Store, lab: Settings, submit: Submit) -> None:
    with running("workers", lab):
        sweep_id = submit()
        wait_for(lambda: states(sqlite_store, sweep_id) == {"succeeded"}, what="success")
    for trial in trials_of(sqlite_store, sweep_id):
        curve = sqlite_store.read(lambda session, t=trial: reports.curve(session, t.id))
        assert [report.epoch for report in curve] == [1, 2, 3]
        assert trial.best_value == max(report.metrics["val/acc"] for report in curve)
        assert trial.best_value > 0.6
        assert (lab.files / trial.best_file).exists()


def test_a_message_that_means_nothing_is_ignored(sqlite_store: Store, lab: Settings, submit: Submit) -> None:
    from services.queue import Publisher

    with running("workers", lab) as worker:
        publisher = Publisher(lab)
        assert publisher.send("no-such-pack", "cpu")
        sweep_id = submit()
        (pack,) = packs_of(sqlite_store, sweep_id)
        assert publisher.send(pack.id, "cpu")  # doubled
        wait_for(lambda: states(sqlite_store, sweep_id) == {"succeeded"}, what="success")
        again = submit()
        wait_for(lambda: states(sqlite_store, again) == {"succeeded"}, what="the next sweep's success")
        assert worker.process.poll() is None
    assert [trial.attempts for trial in trials_of(sqlite_store, sweep_id)] == [1, 1, 1, 1]


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


def test_a_killed_worker_leaves_no_process_and_its_trials_resume(
    sqlite_store: Store, lab: Settings, submit: Submit
) -> None:
    undisturbed = submit(name="undisturbed", train={"epochs": 12})
    with running("workers", lab):
        wait_for(lambda: states(sqlite_store, undisturbed) == {"succeeded"}, what="success")
    with upkeep(lab):
        with running("workers", lab) as worker:
            sweep_id = submit(train={"epochs": 12})
            wait_for(lambda: epochs(sqlite_store, sweep_id) >= 3, what="the third epoch")
            below = descendants(worker.pid)
            assert len(below) == 2  # the child that supervises, and its runner
            worker.process.send_signal(signal.SIGKILL)
            _, alive = psutil.wait_procs(below, timeout=3)
            assert alive == []
        with running("workers", lab):
            wait_for(lambda: states(sqlite_store, sweep_id) == {"succeeded"}, what="success after the kill")
    first, second = packs_of(sqlite_store, sweep_id)
    assert (first.state, second.state) == ("lost", "closed")
    assert second.start_epoch >= 2
    assert [trial.attempts for trial in trials_of(sqlite_store, sweep_id)] == [2, 2, 2, 2]
    assert curves(sqlite_store, sweep_id) == curves(sqlite_store, undisturbed)


def test_cancel_reaches_the_runner_within_heartbeats(
    sqlite_store: Store, lab: Settings, submit: Submit
) -> None:
    with running("workers", lab), upkeep(lab):
        sweep_id = submit(**LONG)
        wait_for(lambda: epochs(sqlite_store, sweep_id) >= 1, what="the first epoch")
        sqlite_store.write(lambda session: sweep_verbs.cancel(session, sweep_id))
        wait_for(lambda: states(sqlite_store, sweep_id) == {"cancelled"}, seconds=5, what="the cancel")
        state = lambda: sqlite_store.read(lambda session: sweeps.get(session, sweep_id).state)  # noqa: E731
        wait_for(lambda: state() == "cancelled", seconds=5, what="the sweep's end")
        after = submit()
        wait_for(lambda: states(sqlite_store, after) == {"succeeded"}, what="the next sweep's success")


def test_a_terminated_worker_gives_its_pack_back_and_goes(
    sqlite_store: Store, lab: Settings, submit: Submit
) -> None:
    with running("workers", lab) as worker:
        sweep_id = submit(**LONG)
        wait_for(lambda: epochs(sqlite_store, sweep_id) >= 1, what="the first epoch")
        worker.process.send_signal(signal.SIGTERM)
        wait_for(lambda: worker.process.poll() is not None, seconds=10, what="the worker's end")
    assert worker.process.returncode == 0
    assert states(sqlite_store, sweep_id) == {"pending"}
    assert [pack.state for pack in packs_of(sqlite_store, sweep_id)] == ["closed"]
    assert claimed(sqlite_store) == {}


def test_a_terminated_worker_saves_the_last_epoch_first(
    sqlite_store: Store, lab: Settings, submit: Submit
) -> None:
    seldom = lab.model_copy(update={"checkpoint_every": 1000.0})
    with running("workers", seldom) as worker:
        sweep_id = submit(**LONG)
        wait_for(lambda: epochs(sqlite_store, sweep_id) >= 2, what="the second epoch")
        worker.process.send_signal(signal.SIGTERM)
        wait_for(lambda: worker.process.poll() is not None, seconds=10, what="the worker's end")
    (stand,) = {(trial.state, trial.epoch, trial.saved_epoch) for trial in trials_of(sqlite_store, sweep_id)}
    assert stand[0] == "pending"
    assert stand[1] == stand[2] >= 2


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


def test_a_sweep_submitted_while_every_worker_is_down_waits_for_one(
    sqlite_store: Store, lab: Settings, submit: Submit
) -> None:
    with upkeep(lab):
        sweep_id = submit()
        assert states(sqlite_store, sweep_id) == {"queued"}
        with running("workers", lab):
            wait_for(lambda: states(sqlite_store, sweep_id) == {"succeeded"}, what="success")


def test_a_killed_runner_costs_one_attempt_and_blames_nobody_in_company(
    sqlite_store: Store, lab: Settings, submit: Submit
) -> None:
    with upkeep(lab), running("workers", lab) as worker:
        sweep_id = submit(train={"epochs": 12})
        wait_for(lambda: epochs(sqlite_store, sweep_id) >= 2, what="the second epoch")
        runner = next(p for p in descendants(worker.pid) if "workers.runner" in p.cmdline())
        runner.kill()
        wait_for(lambda: states(sqlite_store, sweep_id) == {"succeeded"}, what="success after the kill")
    assert {trial.crashes for trial in trials_of(sqlite_store, sweep_id)} == {0}
    assert {trial.most_alive for trial in trials_of(sqlite_store, sweep_id)} == {2}


def test_a_diverged_trial_fails_alone(sqlite_store: Store, lab: Settings, submit: Submit) -> None:
    with running("workers", lab):
        sweep_id = submit(
            space={"train.optimizer.lr": [0.05, 0.1, 100]}, train={"epochs": 3, "optimizer": "sgd"}
        )
        wait_for(lambda: states(sqlite_store, sweep_id) <= {"succeeded", "failed"}, what="the end")
    ended = [(trial.state, (trial.failure or {}).get("kind")) for trial in trials_of(sqlite_store, sweep_id)]
    assert ended == [("succeeded", None), ("succeeded", None), ("failed", "diverged")]


def test_a_killed_supervisor_comes_again_on_the_same_device(
    sqlite_store: Store, lab: Settings, submit: Submit
) -> None:
    with upkeep(lab), running("workers", lab) as worker:
        sweep_id = submit(train={"epochs": 12})
        wait_for(lambda: epochs(sqlite_store, sweep_id) >= 2, what="the second epoch")
        holder = claimed(sqlite_store)
        (child,) = psutil.Process(worker.pid).children()
        runners = child.children()
        for runner in runners:
            runner.suspend()  # one that hangs must go too
        child.kill()
        _, alive = psutil.wait_procs(runners, timeout=3)
        assert alive == []
        wait_for(lambda: states(sqlite_store, sweep_id) == {"succeeded"}, what="success after the kill")
        assert claimed(sqlite_store) == holder
    assert [pack.state for pack in packs_of(sqlite_store, sweep_id)] == ["lost", "closed"]


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


def test_a_signal_to_a_child_alone_ends_its_worker_and_no_pack_after_it(
    sqlite_store: Store, lab: Settings, submit: Submit
) -> None:
    with upkeep(lab), running("workers", lab) as worker:
        sweep_id = submit(**LONG)
        wait_for(lambda: epochs(sqlite_store, sweep_id) >= 1, what="the first epoch")
        (child,) = psutil.Process(worker.pid).children()
        child.terminate()
        wait_for(lambda: worker.process.poll() is not None, seconds=10, what="the worker's end")
        assert worker.process.returncode == 0
        assert "closed" in [pack.state for pack in packs_of(sqlite_store, sweep_id)]
        assert {pack.leased_at is None for pack in packs_of(sqlite_store, sweep_id)[1:]} <= {True}
        with running("workers", lab):
            began = epochs(sqlite_store, sweep_id)
            wait_for(lambda: epochs(sqlite_store, sweep_id) > began, what="an epoch of the next worker")


def test_a_runner_that_hangs_is_killed_and_its_trials_train_on(
    sqlite_store: Store, lab: Settings, submit: Submit
) -> None:
    impatient = lab.model_copy(update={"stall_floor": 2.0, "stall_factor": 2.0})
    with upkeep(impatient), running("workers", impatient) as worker:
        sweep_id = submit(train={"epochs": 12})
        wait_for(lambda: epochs(sqlite_store, sweep_id) >= 2, what="the second epoch")
        runner = next(p for p in descendants(worker.pid) if "workers.runner" in p.cmdline())
        runner.suspend()
        wait_for(lambda: states(sqlite_store, sweep_id) == {"succeeded"}, what="success after the stall")
    first = packs_of(sqlite_store, sweep_id)[0]
    assert first.state == "lost"
    assert "no progress for" in first.outcome
    assert {trial.crashes for trial in trials_of(sqlite_store, sweep_id)} == {0}


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


@pytest.mark.parametrize("victim", ["supervisor", "main process"])
def test_a_death_that_its_host_sees_is_not_waited_for(
    sqlite_store: Store, lab: Settings, submit: Submit, victim: str
) -> None:
    patient = lab.model_copy(update={"lease_ttl": 600.0, "devices": "cpu:0"})
    with upkeep(patient), running("workers", patient) as worker:
        sweep_id = submit(train={"epochs": 12})
        wait_for(lambda: epochs(sqlite_store, sweep_id) >= 2, what="the second epoch")
        (child,) = psutil.Process(worker.pid).children()
        if victim == "supervisor":
            child.kill()
            wait_for(lambda: states(sqlite_store, sweep_id) == {"succeeded"}, what="success after the kill")
        else:
            worker.process.kill()
            with running("workers", patient):
                wait_for(lambda: states(sqlite_store, sweep_id) == {"succeeded"}, what="success after it")
    assert [pack.state for pack in packs_of(sqlite_store, sweep_id)] == ["lost", "closed"]
    assert {trial.losses for trial in trials_of(sqlite_store, sweep_id)} == {1}
