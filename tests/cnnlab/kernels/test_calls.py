"""cnnlab/kernels/calls.py: compiled calls are done, and passed to whoever watches."""

import ctypes
from collections.abc import Callable

import pytest
import torch

from cnnlab.kernels import calls


def adding(done: list[object]) -> Callable[..., Callable[[], None]]:
    """What prepares a call that notes its arguments."""
    return lambda *arguments: lambda: done.append(arguments)


def test_a_call_is_done_and_then_passed_on_so_that_it_can_be_done_on_others() -> None:
    done: list[object] = []
    watched: list[object] = []
    prepare = adding(done)

    def watcher(prepared: Callable[..., Callable[[], None]], arguments: tuple[object, ...]) -> None:
        watched.append((len(done), arguments))
        prepared("others")()

    calls.run(prepare, 1)
    with calls.watch(watcher):
        calls.run(prepare, 2, None)
    calls.run(prepare, 3)
    assert watched == [(2, (2, None))]
    assert done == [(1,), (2, None), ("others",), (3,)]


def test_a_call_that_fails_is_not_passed_on_and_nobody_watches_behind_an_error() -> None:
    def failing() -> None:
        raise MemoryError("memory is too short")

    watched: list[object] = []
    with pytest.raises(MemoryError), calls.watch(lambda *call: watched.append(call)):
        calls.run(lambda: failing)
    calls.run(lambda: lambda: None)
    assert watched == []


def test_of_a_tensor_compiled_code_gets_where_its_numbers_begin() -> None:
    tensor = torch.zeros(3)[1:]
    found = calls.passed(tensor)
    assert isinstance(found, ctypes.c_void_p)
    assert found.value == tensor.data_ptr()
    number = ctypes.c_double(1.5)
    assert calls.passed(number) is number
    assert calls.passed(None) is None
