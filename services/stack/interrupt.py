"""Ctrl-C and SIGTERM as flags that the main loop checks, so that no child is lost during a start."""

from __future__ import annotations

import signal
from types import FrameType, TracebackType
from typing import Any, Self

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupt:
    """Count the signals to stop during a `with` block: the first requests a stop, the second forces it."""

    def __init__(self) -> None:
        self.count = 0
        self._before: dict[signal.Signals, Any] = {}

    def _count_one(self, number: int, frame: FrameType | None) -> None:
        self.count += 1

    @property
    def requested(self) -> bool:
        """Whether to stop gracefully."""
        return self.count > 0

    @property
    def forced(self) -> bool:
        """Whether to stop at once."""
        return self.count > 1

    def __enter__(self) -> Self:
        self._before = {number: signal.signal(number, self._count_one) for number in STOP_SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
