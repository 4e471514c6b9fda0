"""workers/supervisor.py with scripted runners: which packs it takes, and what it does when they break."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from paper_sweep import fill, row_of, take, trials_of, write_sweep
from paper_worker import DEVICE, PaperProcess, Worker, finish, lead
from scripted_runner import MACHINE
from sqlalchemy import update
from sqlalchemy.exc import OperationalError

from services.domain.errors import Fenced
from services.settings import Settings
from services.store import leases, rungs, speeds, workers
from services.store.leases import Lease
from services.store.models import Device, Pack, Sweep, Trial
from services.store.session import Session, Store
from workers.attempt import Attempt
from workers.claim import Claim
from workers.known_speeds import KnownSpeeds
from workers.main_process import MainProcess
from workers.messages import Stop, Stopped
from workers.run_message import read_leased_pack
from workers.supervisor import MAX_FAILED_STARTS, Supervisor

FORTY: dict[str, Any] = {
    "space": {"model.dropout": [number / 100 for number in range(40)]},
    "train": {"epochs": 1},
}
pytestmark = pytest.mark.timeout(20)


@pytest.fixture
def worker(
    sqlite_store: Store, sqlite_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Worker]:
    """A supervisor with its own connection to the test's database."""
    made = Worker(sqlite_store, sqlite_settings, monkeypatch)
    yield made
    made.supervisor._store.close()
    os.close(made.shutdown_fd)
    os.close(made.shutdown)


def test_one_message_is_enough_for_all_packs_and_the_sweep_s_end(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    lead(monkeypatch, finish)
    sweep_id = write_sweep(worker.store, **FORTY)
    worker.supervisor.train(fill(worker.store, sweep_id).id)
    assert [trial.state for trial in trials_of(worker.store, sweep_id)] == ["succeeded"] * 40
    assert row_of(worker.store, Sweep, sweep_id).state == "succeeded"


def test_a_worker_that_goes_on_to_another_sweep_ends_the_one_that_it_leaves(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = write_sweep(worker.store, train={"epochs": 1}, priority=1)
    second = write_sweep(worker.store, train={"epochs": 1})
    seen: list[str] = []

    def look(attempt: Attempt) -> None:
        seen.append(row_of(worker.store, Sweep, first).state)
        finish(attempt)

    lead(monkeypatch, look)
    worker.supervisor.train(fill(worker.store, first).id)
    assert seen == ["active", "succeeded"]
    assert row_of(worker.store, Sweep, second).state == "succeeded"


def test_after_a_pack_that_failed_the_next_one_waits_for_a_message(worker: Worker) -> None:
    sweep_id = write_sweep(worker.store, **FORTY)
    packs = [fill(worker.store, sweep_id) for _ in range(2)]
    worker.runner.die()
    worker.supervisor.train(packs[0].id)
    assert sorted(row_of(worker.store, Pack, pack.id).state for pack in packs) == ["lost", "queued"]


def test_a_worker_that_shuts_down_takes_no_further_pack(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def end(attempt: Attempt) -> None:
        os.write(worker.shutdown, b"x")
        finish(attempt)

    lead(monkeypatch, end)
    sweep_id = write_sweep(worker.store, **FORTY)
    packs = [fill(worker.store, sweep_id) for _ in range(2)]
    worker.supervisor.train(packs[0].id)
    assert sorted(row_of(worker.store, Pack, pack.id).state for pack in packs) == ["closed", "queued"]


def test_a_worker_that_shuts_down_just_after_a_pack_gives_the_next_one_back(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest, send = Attempt.run, worker.runner.wire.send
    sweep_id = write_sweep(worker.store, **FORTY)
    packs = [fill(worker.store, sweep_id) for _ in range(2)]

    def end(attempt: Attempt) -> None:
        finish(attempt)
        os.write(worker.shutdown, b"x")  # the next pack is taken by now
        monkeypatch.setattr(Attempt, "run", honest)

    def answer(message: Any) -> None:
        send(message)
        if isinstance(message, Stop):
            worker.runner.send(Stopped(message.pack, None))

    lead(monkeypatch, end)
    monkeypatch.setattr(worker.runner.wire, "send", answer)
    worker.supervisor.train(packs[0].id)
    assert [row_of(worker.store, Pack, pack.id).outcome for pack in packs] == [
        "reached epoch 1",
        "preempted: stopped",
    ]


def test_the_next_pack_is_kept_though_the_answer_of_the_commit_that_took_it_was_lost(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That COMMIT also ended the pack before: the repeated one finds it closed, which is no lost lease."""
    sweep_id = write_sweep(worker.store, **FORTY)
    packs = [fill(worker.store, sweep_id) for _ in range(2)]
    store, write = worker.supervisor._store, worker.supervisor._store.write

    def lose_the_answer(work: Callable[[Session], Any]) -> Any:
        result = write(work)
        if row_of(worker.store, Pack, packs[0].id).state == "closed":
            monkeypatch.setattr(store, "write", write)
            raise OperationalError("COMMIT", None, Exception("no answer"))
        return result

    monkeypatch.setattr(store, "write", lose_the_answer)
    lead(monkeypatch, finish)
    worker.supervisor.train(packs[0].id)
    assert [row_of(worker.store, Pack, pack.id).state for pack in packs] == ["closed", "closed"]


def test_a_lease_whose_answer_was_lost_is_kept(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    """The COMMIT has succeeded and nobody heard of it: to take another pack would forget the first."""
    sweep_id = write_sweep(worker.store, **FORTY)
    packs = [fill(worker.store, sweep_id) for _ in range(2)]
    store, write = worker.supervisor._store, worker.supervisor._store.write
    lost: list[bool] = []

    def lose_the_answer(work: Callable[[Session], Any]) -> Any:
        result = write(work)
        if not lost:
            lost.append(True)
            raise OperationalError("COMMIT", {}, OSError("connection lost"))
        return result

    monkeypatch.setattr(store, "write", lose_the_answer)
    taken = worker.supervisor._take_next()
    assert taken
    assert taken.lease.pack_id == packs[0].id
    assert [row_of(worker.store, Pack, pack.id).state for pack in packs] == ["running", "queued"]


def test_a_pack_is_leased_begun_and_released(worker: Worker) -> None:
    sweep_id = write_sweep(worker.store)
    pack = fill(worker.store, sweep_id)
    worker.runner.die()
    worker.supervisor.train(pack.id)
    ended = row_of(worker.store, Pack, pack.id)
    assert (ended.state, ended.worker, ended.device) == ("lost", "worker", DEVICE.id)
    assert ended.machine == {
        "kind": "paper",
        "torch": "0",
        "threads": 1,
        "kernels": "torch",
        "no_kernels": "",
        "kernels_remedy": "",
        "memory": 0,
        "ways": {},
    }
    assert {trial.state for trial in trials_of(worker.store, sweep_id)} == {"pending"}
    assert worker.supervisor._heartbeat._lease is None
    assert (worker.supervisor._failed_starts, worker.signals) == (0, [])


@pytest.mark.parametrize("which", ["unknown", "taken"])
def test_a_message_about_no_pack_of_ours_means_nothing(
    worker: Worker, monkeypatch: pytest.MonkeyPatch, which: str
) -> None:
    lead(monkeypatch, lambda _: pytest.fail("it must not begin"))
    pack_id = "no-such-pack"
    if which == "taken":
        pack_id = fill(worker.store, write_sweep(worker.store)).id
        take(worker.store, row_of(worker.store, Pack, pack_id))
    runner = worker.runner
    worker.supervisor.train(pack_id)
    assert worker.runner is runner


def test_a_pack_that_needs_other_plug_ins_stays_queued(worker: Worker) -> None:
    sweep_id = write_sweep(worker.store)
    pack = fill(worker.store, sweep_id)
    needs = update(Sweep).where(Sweep.id == sweep_id).values(plugins="d1" * 32)
    worker.store.write(lambda session: session.execute(needs))
    worker.supervisor.train(pack.id)
    assert row_of(worker.store, Pack, pack.id).state == "queued"
    (shown,) = worker.store.read(lambda session: workers.seen_within(session, 60))
    assert "was planned with plug-ins d1d1d1d1d1d1, this worker has none" in shown.says


def test_a_lost_lease_kills_the_runner_and_another_one_is_started(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fenced(_: Attempt) -> None:
        raise Fenced("gone")

    lead(monkeypatch, fenced)
    first = worker.runner
    worker.supervisor.train(fill(worker.store, write_sweep(worker.store)).id)
    assert first.killed
    assert first.closed
    assert worker.runner is not first
    assert worker.supervisor._heartbeat._lease is None


def test_an_error_is_raised_once_the_pack_is_released(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: Attempt) -> None:
        raise RuntimeError("a bug")

    lead(monkeypatch, broken)
    first = worker.runner
    with pytest.raises(RuntimeError, match="a bug"):
        worker.supervisor.train(fill(worker.store, write_sweep(worker.store)).id)
    assert first.killed
    assert worker.supervisor._heartbeat._lease is None
    assert worker.runner.alive()


def test_a_host_on_which_no_runner_starts_ends_the_worker(
    worker: Worker, monkeypatch: pytest.MonkeyPatch, sqlite_settings: Settings
) -> None:
    monkeypatch.setattr(PaperProcess, "born_dead", True)
    worker.runner.killed = True
    sweep_id = write_sweep(worker.store)
    for _ in range(MAX_FAILED_STARTS):
        assert worker.signals == []
        worker.store.write(lambda session: session.execute(update(Trial).values(not_before=0)))
        worker.supervisor.train(fill(worker.store, sweep_id).id)
    assert worker.signals == [(os.getppid(), signal.SIGTERM)]
    assert worker.pauses == [sqlite_settings.heartbeat] * (MAX_FAILED_STARTS - 1)
    assert {trial.losses for trial in trials_of(worker.store, sweep_id)} == {MAX_FAILED_STARTS}
    worker.store.write(lambda session: session.execute(update(Trial).values(not_before=0)))
    worker.supervisor.train(fill(worker.store, sweep_id).id)  # before the signal has been heeded
    assert {trial.state for trial in trials_of(worker.store, sweep_id)} == {"queued"}


def test_a_worker_whose_device_is_lost_ends_and_starts_no_runner(worker: Worker) -> None:
    worker.store.write(lambda session: session.execute(update(Device).values(token="another's")))
    worker.supervisor._heartbeat.beat()
    assert worker.runner.killed
    assert worker.signals == [(os.getppid(), signal.SIGTERM)]
    killed = worker.runner
    worker.supervisor._prepare_runner()
    assert worker.runner is killed


def test_a_runner_s_environment_is_that_of_its_device(worker: Worker) -> None:
    assert worker.runner.gpu == ""


def test_what_a_predecessor_under_the_same_claim_held_is_given_back_first(worker: Worker) -> None:
    sweep_id = write_sweep(worker.store, space={"model.depth": [1, 2]})
    old, new = fill(worker.store, sweep_id), fill(worker.store, sweep_id)
    held = Lease.new(old.id)
    assert worker.store.write(lambda s: leases.take(s, held, "worker", DEVICE.id, 60.0, "token"))
    worker.runner.die()
    worker.supervisor.train(new.id)
    given_back = row_of(worker.store, Pack, old.id)
    assert given_back.state == "lost"
    assert "lost its supervisor" in given_back.outcome
    assert row_of(worker.store, Pack, new.id).claim == "token"


def test_it_is_given_back_once_and_never_the_supervisor_s_own_pack(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    def look(_: Attempt) -> None:
        worker.supervisor._give_back_inherited()
        seen.append(row_of(worker.store, Pack, pack.id).state)

    lead(monkeypatch, look)
    pack = fill(worker.store, write_sweep(worker.store))
    worker.supervisor.train(pack.id)
    assert seen == ["running"]


def test_a_pack_that_cannot_be_led_is_given_back_at_once_with_the_reason(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: Attempt) -> None:
        raise RuntimeError("a bug")

    lead(monkeypatch, broken)
    sweep_id = write_sweep(worker.store)
    pack = fill(worker.store, sweep_id)
    with pytest.raises(RuntimeError, match="a bug"):
        worker.supervisor.train(pack.id)
    assert row_of(worker.store, Pack, pack.id).outcome == "lost: its worker failed: a bug"
    assert {(t.state, t.losses) for t in trials_of(worker.store, sweep_id)} == {("pending", 1)}


def test_the_expected_length_of_an_epoch_is_that_of_the_measured_speed(worker: Worker) -> None:
    sweep_id = write_sweep(worker.store)
    pack_id = fill(worker.store, sweep_id).id
    pack = worker.store.read(
        lambda s: read_leased_pack(s, leases.to_train(s, pack_id), DEVICE, worker.supervisor._settings)
    )
    assert worker.supervisor._epoch_seconds(pack, 500) is None
    worker.supervisor._speeds = KnownSpeeds(worker.store)  # that there was none is kept for a while
    kind, width = MACHINE.kind, pack.run.width
    worker.store.write(lambda s: speeds.record(s, pack.shape_key, kind, width, 1000.0))
    assert worker.supervisor._epoch_seconds(pack, 500) == width * 0.5


def test_a_supervisor_that_stands_still_ends_itself(worker: Worker) -> None:
    worker.supervisor._on_stall()
    assert worker.signals == [(os.getpid(), signal.SIGKILL)]


def test_a_runner_that_was_started_before_is_used_first(worker: Worker) -> None:
    early = PaperProcess({})
    made = Supervisor(
        worker.supervisor._settings,
        Claim("worker", DEVICE, "token"),
        MainProcess(),
        worker.shutdown_fd,
        early,
    )
    assert made._runner is early
    assert early.gpu == ""
    made._store.close()
    assert worker.runner.gpu == ""  # nobody started one for this supervisor


def test_a_rung_is_decided_by_the_worker_whose_pack_completes_it(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    lead(monkeypatch, finish)
    sweep_id = write_sweep(worker.store, train={"epochs": 2}, stop={"name": "halving", "eta": 2})
    monkeypatch.setattr(worker.supervisor, "_form_and_take", lambda: None)
    worker.supervisor.train(fill(worker.store, sweep_id).id)
    found = [trial.state for trial in trials_of(worker.store, sweep_id)]
    assert sorted(found) == ["pending", "pending", "pruned", "pruned"]


def test_no_rung_is_looked_for_where_no_trial_waits_at_one(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    lead(monkeypatch, finish)
    monkeypatch.setattr(worker.supervisor, "_form_and_take", lambda: None)
    asked: list[str] = []
    monkeypatch.setattr(rungs, "decide_all", lambda store, only: asked.append(only))
    sweep_id = write_sweep(worker.store, train={"epochs": 1})
    worker.supervisor.train(fill(worker.store, sweep_id).id)
    assert {trial.state for trial in trials_of(worker.store, sweep_id)} == {"succeeded"}
    assert not asked
