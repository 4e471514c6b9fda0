"""A duty cycle: after some work it rests so long that the work stays within a share of the time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class DutyCycle:
    """Work within `share` of the time.

    The time of work counts by the clock, so that it includes what a server does for it meanwhile. From the
    beginning of some work to the next one it is `least` seconds at least, and a rest has `most` at most: who
    waits for a slow server uses little of the processor.
    """

    def __init__(
        self, share: float, least: float, most: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rest = 1 / share - 1  # in units of the work before it
        self._least, self._most, self._clock = least, most, clock
        self._rested_at = 0.0

    def is_rested(self) -> bool:
        """Whether it has rested enough."""
        return self._clock() >= self._rested_at

    @contextmanager
    def working(self) -> Iterator[None]:
        """Work, and rest after it."""
        began = self._clock()
        try:
            yield
        finally:
            ended = self._clock()
            rest = min(self._most, self._rest * (ended - began))
            self._rested_at = max(began + self._least, ended + rest)
