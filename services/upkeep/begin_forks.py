"""Have forks begin that wait for a checkpoint which nobody writes any more."""

from __future__ import annotations

import logging

from services.store import fork_starts
from services.store.session import Store

log = logging.getLogger(__name__)


def begin_forks(store: Store) -> int:
    """Let them begin with what their parents go on from; returns how many did.

    Those whose parents train on begin with the worker that writes the checkpoint.
    """
    if not store.read(fork_starts.is_any_left):
        return 0
    begun = store.write(fork_starts.begin_others)
    if begun:
        log.info("%d forks begin with an earlier checkpoint: the one that they waited for was lost", begun)
    return begun
