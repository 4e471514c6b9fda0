"""The pace of the rounds: each while anything is under way, one in ten while everything rests."""

from __future__ import annotations

from services.store import under_way
from services.store.session import Store

REST_ROUNDS = 10  # of which one is done at rest


class Pace:
    """Asks one cheap question before each round.

    The rounds themselves keep their period, so whatever begins waits no longer than before. The first round
    at rest is done, too: it finishes what the last one saw under way.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._rounds, self._busy = 0, True  # rounds at rest; whether the latest round saw anything under way

    def is_due(self) -> bool:
        """Whether the chores are to be done in this round."""
        before, self._busy = self._busy, self._is_anything()
        self._rounds = 0 if self._busy or before else self._rounds + 1
        return self._rounds % REST_ROUNDS == 0

    def _is_anything(self) -> bool:
        try:
            return self._store.read(under_way.is_anything)
        except Exception:  # each chore logs that the database does not answer
            return True
