"""Give back what workers of this host held that are seen to be dead, without waiting for their leases."""

from __future__ import annotations

import logging
from functools import partial

from services import lock_file
from services.store import devices
from services.store.session import Store

log = logging.getLogger(__name__)


def vacate(store: Store) -> int:
    """Free the device of every worker that has died on this host, and its packs; returns how many."""
    freed = 0
    for claimed in store.read(devices.claims):
        if not lock_file.is_dropped(claimed.token):
            continue
        try:
            packs = store.write(partial(devices.vacate, claimed=claimed))
        except Exception:  # of this device alone: the others must be looked at, too
            log.exception("device %s could not be freed, the next round tries again", claimed.device_id)
            continue
        lock_file.remove(claimed.token)
        log.warning(
            "worker %s is dead; device %s is free, %s", claimed.worker, claimed.device_id, _given_back(packs)
        )
        freed += 1
    return freed


def _given_back(packs: list[str]) -> str:
    return f"pack {', '.join(packs)} gets another attempt" if packs else "it had no pack"
