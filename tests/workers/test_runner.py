"""workers/runner.py: how each kind of error is reported, and whether the process trains on."""

from __future__ import annotations

import os

import pytest
import torch

from cnnlab.data import DamagedData, DataError
from cnnlab.errors import CnnlabError, RegistryError
from cnnlab.kernels import library
from services import host
from services.domain.retry import Failure
from workers import runner
from workers.checkpoints import DamagedFile
from workers.messages import CheckpointDamaged, Failed, Machine, Message, Run, RunnerReady, UseDevice
from workers.wire import Wire

RUN = Run("p", "cpu", "f", 1, 0, 1, 0, "val/acc", "maximize", False, 0, None, ())


def served(error: BaseException | None, monkeypatch: pytest.MonkeyPatch) -> tuple[bool, Message | None]:
    """Serve a pack whose training raises this; what is sent, and whether the process trains on."""

    class PackTraining:
        def __init__(self, run: Run, wire: Wire) -> None:
            assert run is RUN

        def run(self) -> None:
            if error:
                raise error

    monkeypatch.setattr(runner, "PackTraining", PackTraining)
    wire = Wire(*os.pipe())
    try:
        again = runner.serve(RUN, wire)
        return again, wire.receive() if wire.readable() else None
    finally:
        wire.close()


def test_a_pack_that_trains_leaves_no_message(monkeypatch: pytest.MonkeyPatch) -> None:
    assert served(None, monkeypatch) == (True, None)


def test_a_damaged_checkpoint_is_reported_by_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    again, message = served(DamagedFile("one is gone", 7), monkeypatch)
    assert (again, message) == (True, CheckpointDamaged("p", 7, "one is gone"))


@pytest.mark.parametrize(
    ("error", "failure", "message", "again"),
    [
        (DataError("no such folder"), Failure.HOST, "no such folder", True),
        (DamagedData("cats/1.jpg is empty"), Failure.SPEC, "cats/1.jpg is empty", True),
        (RegistryError("other plug-ins"), Failure.HOST, "other plug-ins", True),
        (CnnlabError("does not fit"), Failure.SPEC, "does not fit", True),
        (OSError("no space left"), Failure.HOST, "OSError: no space left", False),
        (MemoryError("8 GB"), Failure.CRASHED, "out of memory: 8 GB", False),
        (torch.OutOfMemoryError("8 GB"), Failure.CRASHED, "out of memory: 8 GB", False),
        (RuntimeError("you can't allocate memory"), Failure.CRASHED, "out of memory: you can't", False),
        (ZeroDivisionError("by zero"), Failure.CRASHED, "ZeroDivisionError: by zero", False),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_an_error_is_reported_by_its_kind(
    monkeypatch: pytest.MonkeyPatch, error: Exception, failure: Failure, message: str, again: bool
) -> None:
    trains_on, sent = served(error, monkeypatch)
    assert isinstance(sent, Failed)
    assert (sent.failure, trains_on) == (failure, again)
    assert sent.message.startswith(message)
    assert sent.trace.startswith("Traceback")


def test_the_machine_is_what_float32_results_depend_on() -> None:
    machine = runner.machine()
    assert (machine.torch, machine.threads) == (torch.__version__, torch.get_num_threads())
    assert machine.kernels == (library.load().name or "torch")
    assert machine.no_compiler == (library.load().reason if library.load().remedy else "")
    if not torch.cuda.is_available():
        assert machine.kind == host.processor()


def test_a_runner_looks_for_gpus_only_once_it_has_a_device(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str | None] = []

    def machine() -> Machine:
        seen.append(os.environ.get("CUDA_VISIBLE_DEVICES"))
        return Machine("k", "t", 1, "torch")

    to_runner, from_supervisor = os.pipe()
    to_supervisor, from_runner = os.pipe()
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    monkeypatch.setattr(runner, "machine", machine)
    monkeypatch.setattr(runner, "end_with_parent", lambda *_: None)
    monkeypatch.setattr(runner.sys, "argv", ["runner", "1", str(to_runner), str(from_runner)])
    supervisor = Wire(to_supervisor, from_supervisor)
    supervisor.send(UseDevice("GPU-a"))
    os.close(supervisor.write_fd)
    try:
        assert runner.main() == 0
        assert seen == ["GPU-a"]
        assert isinstance(supervisor.receive(), RunnerReady)
    finally:
        for descriptor in (to_runner, to_supervisor, from_runner):
            os.close(descriptor)


def test_a_runner_that_never_gets_a_device_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    to_runner, from_supervisor = os.pipe()
    os.close(from_supervisor)
    monkeypatch.setattr(runner, "end_with_parent", lambda *_: None)
    monkeypatch.setattr(runner.sys, "argv", ["runner", "1", str(to_runner), "-1"])
    assert runner.main() == 0
    os.close(to_runner)


@pytest.mark.parametrize("remedy", ["install g++", ""])
def test_the_machine_says_whether_a_compiler_would_help(monkeypatch: pytest.MonkeyPatch, remedy: str) -> None:
    monkeypatch.setattr(library, "load", lambda: library.Kernels(None, None, "there is none", remedy))
    machine = runner.machine()
    assert (machine.kernels, machine.no_compiler) == ("torch", "there is none" if remedy else "")
