"""Whether this process has been told to go. Open streams end then, because the server waits for them."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Closing:
    """A flag that SIGTERM and SIGINT raise.

    The server's own shutdown calls the application only after the last answer has ended: too late for an
    answer that never ends by itself.
    """

    def __init__(self) -> None:
        self._told = threading.Event()

    @property
    def told(self) -> bool:
        """Whether the process has been told to go."""
        return self._told.is_set()

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Hear the signals, and pass each on to whoever heard it before; only the main thread can."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.getsignal(number) for number in SIGNALS}

        def hear(number: int, frame: FrameType | None) -> None:
            self._told.set()
            earlier = before[signal.Signals(number)]
            if callable(earlier):
                earlier(number, frame)

        for number in SIGNALS:
            if callable(before[number]):  # else nobody waits for the streams: the signal ends the process
                signal.signal(number, hear)
        try:
            yield
        finally:
            for number, earlier in before.items():
                if callable(earlier):
                    signal.signal(number, earlier)
