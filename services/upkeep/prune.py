"""Remove what nobody needs any more: checkpoints of ended trials, old events and keys, workers long gone."""

from __future__ import annotations

import logging
from functools import partial

from services.settings import Settings
from services.store import checkpoints, events, submit_keys, workers
from services.store.session import Store

log = logging.getLogger(__name__)
FORGET_WORKERS_AFTER = 24 * 3600  # seconds
FORGET_KEYS_AFTER = 24 * 3600
FORGET_EVENTS_AFTER = 7 * 24 * 3600  # from the end of their sweep


def prune(store: Store, settings: Settings) -> int:
    """Delete needless checkpoint files; returns how many. SQL forgets first: no row names a lost file."""
    removed = 0
    for checkpoint in store.read(checkpoints.needless):
        if store.write(partial(checkpoints.forget, checkpoint_id=checkpoint.id)):
            (settings.files / checkpoint.path).unlink(missing_ok=True)
            removed += 1
    store.write(lambda session: workers.forget(session, FORGET_WORKERS_AFTER))
    store.write(lambda session: submit_keys.forget(session, FORGET_KEYS_AFTER))
    store.write(lambda session: events.forget(session, FORGET_EVENTS_AFTER))
    return removed
