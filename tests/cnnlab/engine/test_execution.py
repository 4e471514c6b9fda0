"""cnnlab/engine/execution.py: what is said of steps that are recorded, and why others are not."""

from typing import Any, Literal

import pytest
import torch

from cnnlab import resolve
from cnnlab.engine.array import Array
from cnnlab.engine.execution import Execution, execution_of
from cnnlab.engine.net import build
from cnnlab.engine.operation_trace import OperationTrace
from cnnlab.engine.recorded import Recorder
from cnnlab.engine.step_traces import StepTraces
from cnnlab.kernels import library
from cnnlab.kernels.library import Kernels

COMPILED = {torch.float32: Kernels(None, "kernels-a"), torch.float64: Kernels(None, None, "none")}


def executed(
    device: str, refused: str = "", name: str = "steps", traced: bool = True, **train: Any
) -> Execution:
    """What is said of an array on a CPU, as if it were on this device."""
    config = resolve(
        {"model": {"name": "mlp", "hidden": [2]}, "data": {"name": "fashion-mnist-mini"}, "train": train}
    )
    array = Array(build(config), [config], [1])
    array.device = torch.device(device)
    recorder = Recorder(array.device)
    recorder.refused = {(name, 32, 4): refused} if refused else {}
    traces = StepTraces(array.device, array)
    traces.refused = recorder.refused
    if traced:
        traces._traces["steps"] = OperationTrace(0)
    return execution_of(array, recorder, traces)


def on_gpu(steps: Literal["recorded", "called"], kernels: str, precision: str, reason: str = "") -> Execution:
    return Execution(steps, kernels, precision, "together", reason, memory=7)


@pytest.fixture(autouse=True)
def compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "load", COMPILED.__getitem__)
    monkeypatch.setattr(torch.cuda, "max_memory_reserved", lambda device: {"cuda": 7}[device.type])
    monkeypatch.delenv("CNNLAB_GRAPHS", raising=False)


def test_on_a_processor_steps_are_traced_and_the_library_is_that_of_the_type_of_numbers() -> None:
    assert executed("cpu") == Execution("recorded", "kernels-a", "float32", "together")
    assert executed("cpu", precision="float64") == Execution("recorded", "torch", "float64", "together")


def test_a_reason_is_given_for_steps_of_a_processor_that_are_called(monkeypatch: pytest.MonkeyPatch) -> None:
    large = "its operations write more than 40 MiB"
    assert executed("cpu", large, traced=False) == Execution(
        "called", "kernels-a", "float32", "together", large
    )
    # So is that of the last batch of an epoch, where only that is called.
    assert executed("cpu", large) == Execution("recorded", "kernels-a", "float32", "together", large)
    assert executed("cpu", traced=False) == Execution("called", "kernels-a", "float32", "together")
    monkeypatch.setenv("CNNLAB_GRAPHS", "off")
    assert executed("cpu") == Execution("called", "kernels-a", "float32", "together", "CNNLAB_GRAPHS is off")


def test_on_a_gpu_they_are_recorded_and_the_compiled_library_is_not_used() -> None:
    assert executed("cuda", precision="bfloat16") == on_gpu("recorded", "torch", "bfloat16")


def test_a_reason_is_given_for_steps_of_a_gpu_that_are_called(monkeypatch: pytest.MonkeyPatch) -> None:
    depends = "what its optimizers do next depends on numbers that the device computes"
    lbfgs: Any = {"optimizer": "lbfgs", "batch_size": "full"}
    assert executed("cuda", **lbfgs) == on_gpu("called", "torch", "float32", depends)
    waits = "a step waits for the device"
    assert executed("cuda", waits) == on_gpu("called", "torch", "float32", waits)
    large = "an evaluation takes too much memory"
    assert executed("cuda", large, "evaluation") == on_gpu("recorded", "torch", "float32", large)
    monkeypatch.setenv("CNNLAB_GRAPHS", "off")
    assert executed("cuda") == on_gpu("called", "torch", "float32", "CNNLAB_GRAPHS is off")


def test_how_rows_pass_through_the_net(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cnnlab.engine.row_by_row.pays", lambda *facts: True)
    assert executed("cpu").rows == "one by one"
