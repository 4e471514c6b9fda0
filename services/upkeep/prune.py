"""Delete what nobody needs any more: checkpoints of ended trials, old events and keys, workers long gone."""

from __future__ import annotations

import logging
import math
import time
from functools import partial

from services.settings import Settings
from services.store import checkpoints, events, mirror, submit_keys, workers
from services.store.session import Store

log = logging.getLogger(__name__)
WORKERS_KEPT = 24 * 3600  # seconds since a worker was last seen
SUBMIT_KEYS_KEPT = 24 * 3600  # seconds
EVENTS_KEPT = 7 * 24 * 3600  # seconds since their sweep ended
PERIOD = 10.0  # seconds from one pass over all checkpoint files to the next: nobody waits for it
MAX_FORGETS_PER_ROUND = 40  # each is a transaction of its own


class Prune:
    """Deletes what nobody needs; each round looks at the next checkpoint files, not at all of them."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store, self._files = store, settings.files
        self._kept = settings.checkpoints_kept
        self._after = 0  # the checkpoint that the last round ended with
        self._next_pass = -math.inf  # by the clock of this process

    def turn(self) -> int:
        """Do a round, unless the latest pass has come to its end and began less than `PERIOD` ago."""
        now = time.monotonic()
        if self._after == 0:
            if now < self._next_pass:
                return 0
            self._next_pass = now + PERIOD
        return self.round()

    def round(self) -> int:
        """Delete checkpoint files that no trial needs, after their rows; returns how many files."""
        removed = self._checkpoints()
        write = self._store.write
        write(lambda session: workers.forget(session, WORKERS_KEPT))
        write(lambda session: submit_keys.forget(session, SUBMIT_KEYS_KEPT))
        write(mirror.thin_changes)
        for _ in range(MAX_FORGETS_PER_ROUND):
            if write(lambda session: events.forget(session, EVENTS_KEPT)) is None:
                break
        return removed

    def _checkpoints(self) -> int:
        removed = 0
        look = partial(checkpoints.needless, after=self._after, kept=self._kept)
        needless, self._after = self._store.read(look)
        for checkpoint in needless:
            forget = partial(checkpoints.forget, checkpoint_id=checkpoint.id, kept=self._kept)
            if self._store.write(forget):
                (self._files / checkpoint.path).unlink(missing_ok=True)
                removed += 1
        return removed
