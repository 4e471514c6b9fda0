"""The chores of `python -m services.upkeep`, in a thread of the tests."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from services.settings import Settings
from services.upkeep.loop import run


@contextmanager
def upkeep(settings: Settings) -> Iterator[None]:
    """Do the chores during a block."""
    stop = threading.Event()
    thread = threading.Thread(target=run, args=(settings, stop), name="upkeep")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
