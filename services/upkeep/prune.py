"""Remove what nobody needs any more: checkpoint files of ended trials, workers long gone."""

from __future__ import annotations

import logging
from functools import partial

from services.settings import Settings
from services.store import checkpoints, workers
from services.store.session import Store

log = logging.getLogger(__name__)
FORGET_WORKERS_AFTER = 24 * 3600  # seconds


def prune(store: Store, settings: Settings) -> int:
    """Delete needless checkpoint files; returns how many. SQL forgets first: no row names a lost file."""
    removed = 0
    for checkpoint in store.read(checkpoints.needless):
        if store.write(partial(checkpoints.forget, checkpoint_id=checkpoint.id)):
            (settings.files / checkpoint.path).unlink(missing_ok=True)
            removed += 1
    store.write(lambda session: workers.forget(session, FORGET_WORKERS_AFTER))
    return removed
