"""workers/runner.py: how each kind of error is reported, and whether the process trains on."""

from __future__ import annotations

import gc
import os
import weakref
from types import SimpleNamespace

import pytest
import torch

from cnnlab.data import DamagedData, DataError
from cnnlab.errors import CnnlabError, RegistryError
from cnnlab.kernels import library
from services import gpus, host
from services.domain.retry import Failure
from workers import runner
from workers.checkpoints import DamagedFile
from workers.kept_fit import KeptFit
from workers.messages import CheckpointDamaged, Failed, Machine, Message, Run, RunnerReady, UseDevice
from workers.wire import Wire

RUN = Run("p", "cpu", "f", 1, 0, 1, True, 0, "val/acc", "maximize", False, 0, None, ())


def served(error: BaseException | None, monkeypatch: pytest.MonkeyPatch) -> tuple[bool, Message | None]:
    """Serve a pack whose training raises this; what is sent, and whether the process trains on."""

    class PackTraining:
        def __init__(self, run: Run, wire: Wire, kept: KeptFit) -> None:
            assert run is RUN

        def run(self) -> None:
            if error:
                raise error

    monkeypatch.setattr(runner, "PackTraining", PackTraining)
    wire = Wire(*os.pipe())
    try:
        again = runner.serve(RUN, wire, KeptFit())
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
        (MemoryError("8 GB"), Failure.MEMORY, "out of memory: 8 GB", False),
        (torch.OutOfMemoryError("8 GB"), Failure.MEMORY, "out of memory: 8 GB", False),
        (RuntimeError("you can't allocate memory"), Failure.MEMORY, "out of memory: you can't", False),
        (RuntimeError("CUDA error: out of memory"), Failure.MEMORY, "out of memory: CUDA error", False),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED"), Failure.MEMORY, "out of memory", False),
        (RuntimeError("CUDA error: device-side assert triggered"), Failure.CRASHED, "RuntimeError", False),
        (ValueError("CUDA error: a plug-in's own"), Failure.CRASHED, "ValueError: CUDA error", False),
        (RuntimeError("no CUDA error: a plug-in's own"), Failure.CRASHED, "RuntimeError: no", False),
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
    assert not sent.by_device


@pytest.mark.parametrize("kind", [RuntimeError, torch.AcceleratorError])
def test_a_cuda_error_is_the_host_s_fault(monkeypatch: pytest.MonkeyPatch, kind: type[RuntimeError]) -> None:
    trains_on, sent = served(kind("CUDA error: unspecified launch failure"), monkeypatch)
    assert isinstance(sent, Failed)
    assert (sent.failure, sent.by_device, trains_on) == (Failure.HOST, True, False)
    assert sent.message == f"{kind.__name__}: CUDA error: unspecified launch failure"


@pytest.mark.parametrize("error", [None, CnnlabError("does not fit")])
def test_after_a_pack_the_memory_of_the_gpu_is_free(
    monkeypatch: pytest.MonkeyPatch, error: Exception | None
) -> None:
    """Whatever the pack's training held, and be it in a circle, is gone before torch's cache is emptied."""
    held: list[weakref.ref[object]] = []
    emptied = []

    class PackTraining:
        def __init__(self, run: Run, wire: Wire, kept: KeptFit) -> None:
            self.itself = self
            held.append(weakref.ref(self))

        def run(self) -> None:
            if error:
                raise error

    def empty() -> None:
        if error:
            error.__traceback__ = None  # this test holds it
            gc.collect()
        emptied.append(held[-1]())

    monkeypatch.setattr(runner, "PackTraining", PackTraining)
    monkeypatch.setattr(torch.cuda, "empty_cache", empty)
    wire = Wire(*os.pipe())
    runner.serve(RUN, wire, KeptFit())
    assert emptied == []  # of a CPU there is nothing to give back
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    runner.serve(RUN, wire, KeptFit())
    wire.close()
    assert emptied == [None]


def test_the_machine_is_what_float32_results_depend_on() -> None:
    machine = runner.machine("")
    assert (machine.torch, machine.threads) == (torch.__version__, torch.get_num_threads())
    found = library.load_all().values()
    assert machine.kernels == (", ".join(kernels.name for kernels in found if kernels.name) or "torch")
    assert machine.no_kernels == next((kernels.reason for kernels in found if kernels.remedy), "")
    assert (machine.kind, machine.memory) == (host.processor(), 0)


def test_on_a_gpu_it_has_the_name_and_memory_of_that(monkeypatch: pytest.MonkeyPatch) -> None:
    facts = SimpleNamespace(name="NVIDIA H200", total_memory=2**37)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: facts)
    monkeypatch.setattr(library, "load", no_kernels)
    machine = runner.machine("GPU-a")
    assert (machine.kind, machine.memory) == ("NVIDIA H200", 2**37)
    assert (machine.kernels, machine.no_kernels) == ("torch", "")  # libraries are for processors


def no_kernels(_: torch.dtype) -> library.Kernels:
    pytest.fail("a GPU's worker neither looks for compiled operations nor builds them")


def fake_torch(monkeypatch: pytest.MonkeyPatch, cuda: str | None, available: bool) -> None:
    monkeypatch.setattr(torch, "__version__", "2.13.0")
    monkeypatch.setattr(torch.version, "cuda", cuda)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: available)
    monkeypatch.setattr(gpus, "look", lambda: gpus.GpuListing(driver="570.86.15"))


def test_a_gpu_that_torch_can_use_is_usable(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_torch(monkeypatch, "12.8", True)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: None)
    assert runner.unusable("GPU-a") == ""
    fake_torch(monkeypatch, None, False)
    assert runner.unusable("") == ""  # a CPU is asked for


@pytest.mark.parametrize(
    ("cuda", "words"),
    [
        (None, "torch 2.13.0 is a CPU build, which cannot use a GPU; run `pip uninstall torch`"),
        ("13.0", "driver 570.86.15 is too old for torch 2.13.0, which is built for CUDA 13.0 and needs"),
        (
            "12.8",
            "torch 2.13.0, built for CUDA 12.8, finds no GPU GPU-a; if it is in MIG mode make an instance, "
            "else reinstall the driver, then start the worker again",
        ),
    ],
)
def test_a_gpu_that_torch_cannot_use_is_explained(
    monkeypatch: pytest.MonkeyPatch, cuda: str | None, words: str
) -> None:
    fake_torch(monkeypatch, cuda, False)
    assert runner.unusable("GPU-a").startswith(words)


def test_a_gpu_at_which_cuda_fails_from_the_start_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: int) -> None:
        raise RuntimeError("CUDA error: uncorrectable ECC error encountered\nCUDA kernel errors might be …")

    fake_torch(monkeypatch, "12.8", True)
    monkeypatch.setattr(torch.cuda, "get_device_properties", fail)
    assert runner.unusable("GPU-a") == (
        "torch 2.13.0 cannot begin to use GPU GPU-a: CUDA error: uncorrectable ECC error encountered; see "
        "what nvidia-smi and the kernel's log say of it, then start the worker again"
    )


def test_a_runner_looks_for_gpus_only_once_it_has_a_device(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str | None] = []

    def unusable(gpu: str) -> str:
        seen.append(os.environ.get("CUDA_VISIBLE_DEVICES"))
        return f"no {gpu}"

    def machine(gpu: str) -> Machine:
        seen.append(gpu)
        return Machine("k", "t", 1, "torch")

    monkeypatch.setattr(runner, "machine", machine)
    monkeypatch.setattr(runner, "unusable", unusable)
    ready = ready_for("GPU-a", monkeypatch)
    assert seen == ["GPU-a", ""]
    assert ready.unusable == "no GPU-a"


def test_a_runner_that_never_gets_a_device_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    to_runner, from_supervisor = os.pipe()
    os.close(from_supervisor)
    monkeypatch.setattr(runner, "end_with_parent", lambda *_: None)
    monkeypatch.setattr(runner.sys, "argv", ["runner", "1", str(to_runner), "-1"])
    assert runner.main() == 0
    os.close(to_runner)


@pytest.mark.parametrize("remedy", ["install g++", ""])
def test_the_machine_says_whether_something_would_help(monkeypatch: pytest.MonkeyPatch, remedy: str) -> None:
    monkeypatch.setattr(library, "load", lambda _: library.Kernels(None, None, "there is none", remedy))
    machine = runner.machine("")
    assert (machine.kernels, machine.no_kernels) == ("torch", "there is none" if remedy else "")
    assert machine.kernels_remedy == remedy


def test_the_machine_names_the_kernels_of_each_type(monkeypatch: pytest.MonkeyPatch) -> None:
    found = {
        torch.float32: library.Kernels(None, "kernels-a"),
        torch.float64: library.Kernels(None, "kernels-b"),
    }
    monkeypatch.setattr(library, "load", found.get)
    assert runner.machine("").kernels == "kernels-a, kernels-b"
    found[torch.float64] = library.Kernels(None, None, "the file is damaged", "install g++")
    machine = runner.machine("")
    assert (machine.kernels, machine.no_kernels) == ("kernels-a", "the file is damaged")


def test_a_runner_has_the_kernels_of_each_type_before_it_is_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[torch.dtype] = []

    def load(dtype: torch.dtype) -> library.Kernels:
        asked.append(dtype)
        return library.Kernels(None, None, f"none of {dtype}")

    monkeypatch.setattr(library, "load", load)
    ready = ready_for("", monkeypatch)
    assert set(asked) == {torch.float32, torch.float64}
    assert ready.no_kernels == "none of torch.float32"


def test_a_runner_with_a_gpu_needs_no_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "load", no_kernels)
    monkeypatch.setattr(runner, "unusable", lambda _: "")
    monkeypatch.setattr(runner, "machine", lambda _: Machine("k", "t", 1, "torch"))
    assert ready_for("GPU-a", monkeypatch).no_kernels == ""


def ready_for(gpu: str, monkeypatch: pytest.MonkeyPatch) -> RunnerReady:
    """What a runner sends that gets this device and nothing else."""
    to_runner, from_supervisor = os.pipe()
    to_supervisor, from_runner = os.pipe()
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    monkeypatch.setattr(runner, "end_with_parent", lambda *_: None)
    monkeypatch.setattr(runner.sys, "argv", ["runner", "1", str(to_runner), str(from_runner)])
    supervisor = Wire(to_supervisor, from_supervisor)
    supervisor.send(UseDevice(gpu))
    os.close(supervisor.write_fd)
    try:
        assert runner.main() == 0
        ready = supervisor.receive()
        assert isinstance(ready, RunnerReady)
        return ready
    finally:
        for descriptor in (to_runner, to_supervisor, from_runner):
            os.close(descriptor)
