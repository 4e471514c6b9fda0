"""Take packs from workers whose leases have expired, and give their trials another attempt."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from functools import partial

from services.settings import Settings
from services.store import endings
from services.store.session import Store, is_outage

AFTER_EXPIRY_SECONDS = 0.05  # that a round waits beyond the end of a lease
REST_SHARE = 0.25  # of a lease's length, the pause while none is held: one that begins meanwhile lasts longer
log = logging.getLogger(__name__)


class Rescue:
    """Takes packs back, in a thread and at a pace of its own: slow chores must not keep it waiting.

    For the length of one lease it takes nothing after it has started, or has been away for half a lease
    longer than it pauses: whatever kept it away, as a database that hangs, may have kept the heartbeats away
    too. How long other chores take does not count.

    `on_taken` is called, from the thread, after a round that has taken packs: their trials can be dispatched.
    """

    def __init__(
        self, store: Store, settings: Settings, on_taken: Callable[[], object] = lambda: None
    ) -> None:
        self._store, self._period, self._on_taken = store, settings.upkeep_period, on_taken
        self._ttl_ms = int(settings.lease_ttl * 1000)
        self._rest = max(settings.upkeep_period, REST_SHARE * settings.lease_ttl)
        self._pause = settings.upkeep_period  # the latest one
        self._any_expired = False  # in the latest round, whether it could be taken back or not
        self._ended: int | None = None  # when the last round did
        self._grace_until = 0
        self._failed: set[str] = set()  # packs that could not be taken back, each logged once
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="rescue", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def close(self) -> None:
        """Stop after the present round."""
        self._stop.set()
        self._thread.join(timeout=10)

    def _run(self) -> None:
        pause = self._period
        while not self._stop.wait(pause):
            pause = self._period
            try:
                if self.round():
                    self._on_taken()
                pause = self.pause()
            except Exception:
                log.exception("rescue failed, the next round tries again")

    def pause(self) -> float:
        """Seconds until the next round: until a lease runs out that nobody renews, else the usual ones.

        They are more while no lease is held.
        """
        left = self._store.read(endings.next_expiry)
        if left is not None:
            self._pause = min(self._period, left + AFTER_EXPIRY_SECONDS)
        else:
            self._pause = self._period if self._any_expired else self._rest
        return self._pause

    def round(self) -> int:
        """Take back every pack whose lease has expired; returns how many."""
        expired = self._store.read(endings.expired)
        self._any_expired = bool(expired)
        now = self._store.now()  # asked last: a database that hung before counts as absence
        longest = self._ttl_ms / 2 + 1000 * max(self._period, self._pause)
        if self._ended is None or now - self._ended > longest:
            self._grace_until = now + self._ttl_ms
        if not expired or now < self._grace_until:
            self._ended = now
            return 0
        taken = sum(map(self._take, expired))
        self._ended = self._store.now()
        return taken

    def _take(self, pack_id: str) -> bool:
        """Take one pack back; one that cannot be taken does not stop the others."""
        try:
            taken = self._store.write(partial(endings.reap, pack_id=pack_id))
        except Exception as error:
            if is_outage(error):
                raise
            if pack_id not in self._failed:
                self._failed.add(pack_id)
                log.exception("pack %s cannot be taken back; every round tries again", pack_id)
            return False
        if taken:
            log.warning("pack %s: its worker fell silent; its trials get another attempt", pack_id)
        return taken
