"""workers/device_faults.py: which ends of attempts, in a row, set a device aside."""

from __future__ import annotations

import pytest

from workers.cuda_errors import CudaErrors
from workers.device_faults import DeviceFaults

ERROR = (
    "AcceleratorError: CUDA error: an illegal memory access was encountered\nCUDA kernel errors might be …"
)
NONE = ("", False)


@pytest.mark.parametrize(
    ("attempts", "aside"),
    [
        ([(ERROR, False)], False),
        ([(ERROR, False), (ERROR, False)], True),
        ([(ERROR, True), (ERROR, False)], True),  # what came before the first error does not count
        ([(ERROR, False), (ERROR, True)], False),
        ([(ERROR, False), ("", True), (ERROR, False)], False),
        ([(ERROR, False), NONE, (ERROR, False)], True),
        ([(ERROR, False), (ERROR, True), (ERROR, False)], True),
        ([NONE, ("", True)], False),
    ],
)
def test_two_cuda_errors_without_an_epoch_between_set_it_aside(
    attempts: list[tuple[str, bool]], aside: bool
) -> None:
    told: list[str] = []
    faults = DeviceFaults(told.append, CudaErrors())
    for attempt in attempts:
        faults.note_attempt(*attempt)
    assert bool(faults.reason) is aside
    assert told == ([faults.reason] if aside else [])


def test_the_reason_is_said_once_and_stays() -> None:
    told: list[str] = []
    faults = DeviceFaults(told.append, CudaErrors())
    for _ in range(4):
        faults.note_attempt(ERROR, False)
    faults.note_runner("too late")
    faults.note_attempt("", True)
    assert told == [faults.reason]
    assert faults.reason == (
        "2 attempts in a row failed on it with a CUDA error, the last with 'AcceleratorError: CUDA error: an "
        "illegal memory access was encountered'; see what nvidia-smi and the kernel's log (Xid) say of it, "
        "reset or replace it, then start this worker again"
    )


def test_a_runner_that_cannot_use_the_device_sets_it_aside_at_once() -> None:
    told: list[str] = []
    faults = DeviceFaults(told.append, CudaErrors())
    faults.note_runner("")
    assert faults.reason == ""
    for _ in range(2):
        faults.note_runner("a CPU build")
    assert told == [faults.reason] == ["a CPU build"]


@pytest.mark.parametrize("before", [1, 2])
def test_errors_under_an_earlier_supervisor_of_the_worker_count(before: int) -> None:
    errors, told = CudaErrors(), []
    for _ in range(before):
        DeviceFaults(lambda reason: None, errors).note_attempt(ERROR, False)
    faults = DeviceFaults(told.append, errors)
    faults.note_errors()
    assert told == ([faults.reason] if before == 2 else [])
    faults.note_attempt(ERROR, False)
    assert told == [faults.reason]
    assert "'AcceleratorError: CUDA error: an illegal memory access was encountered'; see" in faults.reason
