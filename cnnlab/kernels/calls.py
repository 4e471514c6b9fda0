"""Calls of compiled code, which whoever watches can do again on other tensors."""

import ctypes
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from torch import Tensor

# Returns a call of compiled code, given its tensors, which stay where they are, and other arguments.
Prepare = Callable[..., Callable[[], None]]
Watcher = Callable[[Prepare, tuple[Any, ...]], None]

_watcher: ContextVar[Watcher | None] = ContextVar("watcher", default=None)


def run(prepare: Prepare, *arguments: Any) -> None:
    """Do the call that is prepared for these arguments."""
    prepare(*arguments)()
    if watcher := _watcher.get():
        watcher(prepare, arguments)


def passed(argument: Any) -> Any:
    """Return an argument as compiled code gets it: of a tensor, where its numbers begin."""
    return ctypes.c_void_p(argument.data_ptr()) if isinstance(argument, Tensor) else argument


@contextmanager
def watch(watcher: Watcher) -> Iterator[None]:
    """Pass what prepares each call in this context, and its arguments, to `watcher` once it was done."""
    token = _watcher.set(watcher)
    try:
        yield
    finally:
        _watcher.reset(token)
