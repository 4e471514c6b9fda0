"""Ctrl-C and SIGTERM as a question that the main loop asks, so that no child is lost during a start."""

from __future__ import annotations

import signal
from types import FrameType, TracebackType
from typing import Any, Self

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupt:
    """Counts requests to stop while it is entered: one asks, two insist."""

    def __init__(self) -> None:
        self.count = 0
        self._before: dict[signal.Signals, Any] = {}

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.count += 1

    @property
    def asked(self) -> bool:
        """Whether to stop in good order."""
        return self.count > 0

    @property
    def insisted(self) -> bool:
        """Whether to stop at once."""
        return self.count > 1

    def __enter__(self) -> Self:
        self._before = {number: signal.signal(number, self._note) for number in SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
