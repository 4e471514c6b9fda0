"""Delete what nobody needs any more: checkpoints of ended trials, old events and keys, workers long gone."""

from __future__ import annotations

import logging
from functools import partial

from services.settings import Settings
from services.store import checkpoints, events, mirror, submit_keys, workers
from services.store.session import Store

log = logging.getLogger(__name__)
WORKERS_KEPT = 24 * 3600  # seconds since a worker was last seen
SUBMIT_KEYS_KEPT = 24 * 3600  # seconds
EVENTS_KEPT = 7 * 24 * 3600  # seconds since their sweep ended
MAX_FORGETS_PER_ROUND = 40  # each is a transaction of its own


def prune(store: Store, settings: Settings) -> int:
    """Delete checkpoint files that no trial needs, after their rows; returns how many files."""
    removed = 0
    for checkpoint in store.read(checkpoints.needless):
        if store.write(partial(checkpoints.forget, checkpoint_id=checkpoint.id)):
            (settings.files / checkpoint.path).unlink(missing_ok=True)
            removed += 1
    store.write(lambda session: workers.forget(session, WORKERS_KEPT))
    store.write(lambda session: submit_keys.forget(session, SUBMIT_KEYS_KEPT))
    store.write(mirror.thin_changes)
    for _ in range(MAX_FORGETS_PER_ROUND):
        if store.write(lambda session: events.forget(session, EVENTS_KEPT)) is None:
            break
    return removed
