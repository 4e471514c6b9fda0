"""A worker with a GPU, whose runners are scripted: it takes no pack that it could not train, and says why."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_driver import H200, FakeDriver
from paper_sweep import fill, row_of, write_sweep
from paper_worker import PaperProcess, Worker, finish, lead
from scripted_runner import MACHINE
from sqlalchemy import update
from worker_process import running, wait_for

from services.host import HostDevice
from services.queue import Publisher
from services.settings import Settings
from services.store import devices, workers
from services.store.models import Pack, Trial
from services.store.session import Store
from workers.attempt import Attempt
from workers.messages import RunnerReady

GPU = HostDevice("host", "GPU-a", "cuda", "NVIDIA H200", 2**37)
CUDA_ERROR = "AcceleratorError: CUDA error: unspecified launch failure"
pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def worker(
    sqlite_store: Store, sqlite_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Worker]:
    """A supervisor that has claimed a GPU, and whose runner still loads torch."""
    monkeypatch.setattr(PaperProcess, "loads", True)
    made = Worker(sqlite_store, sqlite_settings, monkeypatch, GPU)
    yield made
    made.supervisor._store.close()
    os.close(made.shutdown_fd)
    os.close(made.shutdown)


def says(store: Store) -> str:
    """What the only worker says of itself."""
    found = store.read(lambda session: workers.seen_within(session, 60))
    return found[0].says if found else ""


def queue_pack(store: Store) -> Pack:
    """A pack for GPUs."""
    pack = fill(store, write_sweep(store))
    store.write(lambda session: session.execute(update(Pack).values(kind="cuda")))
    return pack


def train(worker: Worker, pack: Pack, shut_down: bool) -> None:
    """Have it take a message; a worker that is set aside keeps that until it is told to end."""
    if shut_down:
        threading.Timer(0.3, os.write, (worker.shutdown, b"x")).start()
    worker.supervisor.train(pack.id)


def test_a_runner_that_cannot_use_the_gpu_is_noticed_before_any_message(worker: Worker) -> None:
    worker.runner.send(RunnerReady(MACHINE, "", "torch 2.13.0+cpu is a CPU build; install another"))
    worker.supervisor._await_runner()
    assert says(worker.store) == (
        "takes no packs on GPU-a (NVIDIA H200): torch 2.13.0+cpu is a CPU build; install another"
    )
    assert worker.store.read(devices.live) == {}


def test_its_worker_takes_no_pack_and_no_further_message(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    lead(monkeypatch, lambda _: pytest.fail("it must not begin"))
    worker.runner.send(RunnerReady(MACHINE, "", "a CPU build"))
    pack = queue_pack(worker.store)
    thread = threading.Thread(target=worker.supervisor.train, args=(pack.id,))
    thread.start()
    wait_for(lambda: "a CPU build" in says(worker.store))
    thread.join(0.3)
    assert thread.is_alive()  # it holds the message, and takes no other one's
    assert row_of(worker.store, Pack, pack.id).state == "queued"
    os.write(worker.shutdown, b"x")
    thread.join(10)
    assert not thread.is_alive()


def test_a_runner_that_can_use_it_is_ready_before_the_pack_is_taken(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def look(attempt: Attempt) -> None:
        seen.append(worker.runner.machine)
        finish(attempt)

    lead(monkeypatch, look)
    pack = queue_pack(worker.store)
    threading.Timer(0.3, worker.runner.send, (RunnerReady(MACHINE),)).start()
    worker.supervisor._must_end = lambda: bool(seen)  # type: ignore[method-assign]
    worker.supervisor.train(pack.id)
    assert seen == [MACHINE]


def test_a_worker_that_must_end_does_not_wait_for_torch(worker: Worker) -> None:
    os.write(worker.shutdown, b"x")
    pack = queue_pack(worker.store)
    worker.supervisor.train(pack.id)
    assert row_of(worker.store, Pack, pack.id).state == "queued"


def test_two_cuda_errors_in_a_row_set_the_gpu_aside(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(attempt: Attempt) -> None:
        attempt.device_error = CUDA_ERROR
        attempt._give_up("host", CUDA_ERROR)  # type: ignore[arg-type]

    lead(monkeypatch, fail)
    monkeypatch.setattr(PaperProcess, "loads", False)
    worker.runner.mark_ready(RunnerReady(MACHINE))
    pack = queue_pack(worker.store)
    train(worker, pack, shut_down=False)
    assert worker.supervisor._faults.reason == ""
    assert worker.store.read(devices.live) == {"cuda": 1}
    worker.store.write(lambda session: session.execute(update(Trial).values(not_before=0)))
    train(worker, queue_pack(worker.store), shut_down=True)
    assert says(worker.store).startswith(
        "takes no packs on GPU-a (NVIDIA H200): 2 attempts in a row failed on it with a CUDA error, the last "
        f"with '{CUDA_ERROR}'; see what nvidia-smi"
    )
    assert worker.store.read(devices.live) == {}


def test_a_supervisor_that_is_started_again_takes_no_pack_on_a_gpu_that_was_set_aside(worker: Worker) -> None:
    for _ in range(2):
        worker.main.cuda_errors.add(CUDA_ERROR)
    os.write(worker.shutdown, b"x")
    worker.supervisor.start()
    assert says(worker.store).startswith("takes no packs on GPU-a (NVIDIA H200): 2 attempts in a row failed")
    assert worker.store.read(devices.live) == {}
    worker.supervisor.close()


def test_a_gpu_that_is_claimed_again_is_set_aside_no_more(worker: Worker) -> None:
    worker.supervisor._on_device_fault("it is broken")
    assert worker.store.read(devices.live) == {}
    worker.store.write(lambda session: devices.release(session, GPU.id, "token"))
    assert worker.store.write(lambda session: devices.claim(session, [GPU], "new", "another", 60.0))
    assert worker.store.read(devices.live) == {"cuda": 1}


@pytest.mark.long
def test_a_real_worker_on_a_host_whose_torch_has_no_gpu_says_so(
    sqlite_store: Store,
    lab: Settings,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """The driver lists a GPU, and the torch of this machine cannot use it."""
    (tmp_path / "bin").mkdir()
    FakeDriver(tmp_path / "bin", monkeypatch).lists(H200)
    path = os.pathsep.join([str(tmp_path / "bin"), str(Path(sys.executable).parent), "/usr/bin", "/bin"])
    with running("workers", lab.model_copy(update={"devices": "auto"}), {"PATH": path}) as worker:
        wait_for(lambda: says(sqlite_store).startswith("takes no packs on GPU-a (NVIDIA H200): "))
        ((device, alive),) = sqlite_store.read(devices.all_devices)
        assert (device.name, device.memory, alive) == ("NVIDIA H200", 143771 * 2**20, False)
        publisher = Publisher(lab)
        assert publisher.send("a pack", "cuda")
        wait_for(lambda: publisher.waiting("cuda") == 0)
        assert publisher.send("another pack", "cuda")
        time.sleep(0.5)
        assert publisher.waiting("cuda") == 1  # it is left to others
        worker.process.terminate()
        assert worker.process.wait(30) == 0
    assert sqlite_store.read(devices.claims) == []
