"""Decide at rungs which trials go on, and end sweeps that a rule of theirs ends."""

from __future__ import annotations

import logging

from services.store import early_ends, rungs
from services.store.session import Store

log = logging.getLogger(__name__)


def decide(store: Store) -> int:
    """Decide what can be decided; returns how many trials moved and sweeps ended.

    Workers do so, too, when a pack of theirs ends.
    """
    ended = early_ends.end_all(store)
    moved = rungs.decide_all(store)
    if moved:
        log.info("%d trials went on from a rung or were pruned there", moved)
    return ended + moved
