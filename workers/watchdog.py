"""How long a runner may make no progress, by what an epoch of its pack was expected to take."""

from __future__ import annotations

import time
from collections.abc import Callable

from services.settings import Settings
from workers.messages import EpochDone, FromRunner, Prepared, StepsDone

MAX_LOOK_SECONDS = 1.0  # that one look counts: while this process stood still itself, it saw nothing


class Watchdog:
    """Adds up the time without progress, look by look.

    Progress is a later step or epoch; before the first epoch begins, whatever the runner sends or prints.
    Until then the limit is `stall_start`, afterwards `stall_factor` times the expected length of an epoch,
    but at least `stall_floor`. Expected is the longest epoch of this attempt, before the first one
    `speed(images)`: the seconds that so many images take as measured before, or None.
    """

    def __init__(
        self,
        settings: Settings,
        speed: Callable[[int], float | None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings, self._speed, self._clock = settings, speed, clock
        self._silent, self._looked = 0.0, clock()
        self._expected: float | None = None
        self._prepared = False  # the data is there and the first epoch has begun
        self._steps = (0, 0)  # epoch, steps in it

    def note(self) -> None:
        """Begin to count anew: the runner has made progress, or may only now go on."""
        self._silent, self._looked = 0.0, self._clock()

    def on_output(self) -> None:
        """Take it as progress while data is prepared, which prints and sends nothing else."""
        if not self._prepared:
            self.note()

    def on_message(self, message: FromRunner) -> None:
        """Take a message about this pack."""
        match message:
            case StepsDone(epoch=epoch, steps=steps):
                if (epoch, steps) <= self._steps:
                    return
                self._steps = epoch, steps
            case Prepared(images=images):
                self._prepared, self._expected = True, self._speed(images)
            case EpochDone(busy_ms=busy):
                self._prepared, self._expected = True, max(self._expected or 0.0, busy / 1000)
        self.note()

    def stalled(self) -> str | None:
        """Look once; a sentence if the runner has been without progress for too long."""
        now = self._clock()
        self._silent += min(now - self._looked, MAX_LOOK_SECONDS)
        self._looked = now
        if self._silent <= self._limit():
            return None
        if not self._prepared:
            return f"no progress for {self._silent:.0f} s, before its first epoch"
        expected = (
            "the length of an epoch was not known yet"
            if self._expected is None
            else f"an epoch was expected to take {self._expected:.0f} s"
        )
        return f"no progress for {self._silent:.0f} s; {expected}"

    def _limit(self) -> float:
        if not self._prepared or self._expected is None:
            return self._settings.stall_start
        return max(self._settings.stall_floor, self._settings.stall_factor * self._expected)
