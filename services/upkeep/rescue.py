"""Take packs from workers whose leases have expired, and give their trials another attempt."""

from __future__ import annotations

import logging
from functools import partial

from services.settings import Settings
from services.store import endings
from services.store.session import Store

log = logging.getLogger(__name__)


class Rescue:
    """Takes packs back, with a period of grace.

    For the length of one lease it takes nothing after it has started, or has been away for half a lease
    itself: whatever kept it away may have kept the heartbeats away too.
    """

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._ttl_ms = int(settings.lease_ttl * 1000)
        self._last: int | None = None
        self._grace_until = 0

    def round(self) -> int:
        """Take back every pack whose lease has expired; returns how many."""
        now = self._store.now()
        if self._last is None or now - self._last > self._ttl_ms / 2:
            self._grace_until = now + self._ttl_ms
        self._last = now
        if now < self._grace_until:
            return 0
        taken = 0
        for pack_id in self._store.read(endings.expired):
            if self._store.write(partial(endings.reap, pack_id=pack_id)):
                log.warning("pack %s: its worker fell silent; its trials get another attempt", pack_id)
                taken += 1
        return taken
