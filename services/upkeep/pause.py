"""Pause sweeps whose attempts are given back again and again without a new epoch."""

from __future__ import annotations

import logging
from functools import partial

from services.store import fruitless
from services.store.session import Store

log = logging.getLogger(__name__)


def pause(store: Store) -> int:
    """Pause every such sweep, with the reason; returns how many."""
    paused = 0
    for sweep_id in store.read(fruitless.sweep_ids):
        try:
            reason = store.write(partial(fruitless.halt, sweep_id=sweep_id))
        except Exception:  # of this sweep alone: the others must be looked at, too
            log.exception("sweep %s could not be paused, the next round tries again", sweep_id)
            continue
        if reason:
            log.warning("sweep %s does not go on: %s", sweep_id, reason)
            paused += 1
    return paused
