"""End sweeps whose trials have all ended."""

from __future__ import annotations

import logging
from functools import partial

from services.store import set_aside, sweeps
from services.store.session import Store

log = logging.getLogger(__name__)


def settle(store: Store) -> int:
    """End every sweep that can end; returns how many."""
    ended = 0
    for sweep_id in store.read(sweeps.ending_ids):
        if set_aside.treat(store, set_aside.SETTLE, sweep_id, partial(sweeps.settle, sweep_id=sweep_id)):
            log.info("sweep %s has ended", sweep_id)
            ended += 1
    return ended
