"""Whether this process was asked to stop: open streams end then, because the server waits for them."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SHUTDOWN_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Shutdown:
    """A flag that SIGTERM and SIGINT set.

    The server's own shutdown calls the application only after the last answer has ended: too late for an
    answer that never ends by itself.
    """

    def __init__(self) -> None:
        self._requested = threading.Event()

    @property
    def requested(self) -> bool:
        """Whether one of the signals has come."""
        return self._requested.is_set()

    def request(self) -> None:
        """Ask for it as a signal does: for an API that a thread serves, which gets none."""
        self._requested.set()

    @contextmanager
    def on_signals(self) -> Iterator[None]:
        """Set the flag at a signal, then call the earlier handler; without effect outside the main thread."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.getsignal(number) for number in SHUTDOWN_SIGNALS}

        def on_signal(number: int, frame: FrameType | None) -> None:
            self.request()
            earlier = before[signal.Signals(number)]
            if callable(earlier):
                earlier(number, frame)

        for number in SHUTDOWN_SIGNALS:
            if callable(before[number]):  # otherwise the signal ends the process, and no stream is waited for
                signal.signal(number, on_signal)
        try:
            yield
        finally:
            for number, earlier in before.items():
                if callable(earlier):
                    signal.signal(number, earlier)
