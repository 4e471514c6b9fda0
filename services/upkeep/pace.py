"""The pace of the rounds: each while anything is under way, ever fewer while everything rests."""

from __future__ import annotations

from services.store import under_way
from services.store.session import Store

REST_PERIODS = 10  # at rest, from one round that is done to the next
MAX_PAUSE_PERIODS = 5  # between two questions


class Pace:
    """Asks one cheap question before each round, at rest after pauses that double.

    What begins does not wait for a round: whoever submits a sweep dispatches it, too. The first round at rest
    is done: it finishes what the last one saw under way.
    """

    def __init__(self, store: Store, period: float) -> None:
        self._store, self._period = store, period
        self._busy = True  # whether the latest round saw anything under way
        self._pause = 1  # periods until the next question
        self._rested = 0  # periods at rest since a round was done

    @property
    def pause(self) -> float:
        """Seconds until the next round."""
        return self._pause * self._period

    def is_due(self) -> bool:
        """Whether the chores are to be done in this round."""
        before, self._busy = self._busy, self._is_anything()
        if self._busy or before:
            self._pause, self._rested = 1, 0
            return True
        self._rested += self._pause
        self._pause = min(2 * self._pause, MAX_PAUSE_PERIODS)
        if self._rested < REST_PERIODS:
            return False
        self._rested = 0
        return True

    def _is_anything(self) -> bool:
        try:
            return self._store.read(under_way.is_anything)
        except Exception:  # each chore logs that the database does not answer
            return True
