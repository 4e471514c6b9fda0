"""A real worker as a child process, and the small moves that tests of it share."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
from pydantic import SecretStr
from servers.process import Folder, Server

from services.settings import Settings
from services.store.session import Store

ROOT = Path(__file__).parent.parent


def environment(settings: Settings) -> dict[str, str]:
    """The environment variables that these settings come from."""
    found = {}
    for name, value in settings:
        if value is not None:
            text = value.get_secret_value() if isinstance(value, SecretStr) else str(value)
            found[f"CNNLAB_{name.upper()}"] = text
    return found | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


@dataclass(frozen=True)
class AtWork:
    """A laboratory whose worker runs: its settings, its store, a function that submits, and the worker."""

    settings: Settings
    store: Store
    submit: Callable[..., str]
    worker: Server


@contextmanager
def running(module: str, settings: Settings, extra: Mapping[str, str] | None = None) -> Iterator[Server]:
    """`python -m MODULE` under these settings; stopped in good order at the end if it still runs."""
    server = Server(
        [sys.executable, "-m", module], Folder(module), env=environment(settings) | dict(extra or {})
    )
    try:
        yield server
    finally:
        server.stop()


def wait_for(condition: Callable[[], bool], seconds: float = 60.0, what: str = "the condition") -> None:
    """Wait until it holds; fail in words after so many seconds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"{what} did not come about within {seconds:g} s"
        time.sleep(0.05)


def descendants(pid: int) -> list[psutil.Process]:
    """Every process below this one."""
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []
