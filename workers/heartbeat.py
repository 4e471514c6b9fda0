"""The heartbeat: a thread that keeps the device's claim and the pack's lease, and hears the user's wish."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import threading
import time
from collections.abc import Callable

from services.domain.errors import Fenced
from services.settings import Settings
from services.store import devices, leases, workers
from services.store.leases import Lease, Request
from services.store.session import Store
from workers.claim import Claim

log = logging.getLogger(__name__)


class Heart:
    """Beats every `heartbeat` seconds, whether a pack runs or not.

    `news_fd` becomes readable when the lease is lost or the user wants something new.
    `on_eviction` is called, from the thread, when the device belongs to somebody else by now.
    """

    def __init__(
        self, store: Store, settings: Settings, claim: Claim, on_eviction: Callable[[], None]
    ) -> None:
        self._store, self._settings, self._claim = store, settings, claim
        self._on_eviction = on_eviction
        self.news_fd, self._news = os.pipe()
        os.set_blocking(self.news_fd, False)
        self._lock = threading.Lock()
        self._lease: Lease | None = None
        self._renewed = time.monotonic()
        self.request = Request()
        self.fenced = False
        self.evicted = False
        self.refuses = ""  # in words, the last pack that this worker did not take
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._beat_on, name="heart", daemon=True)

    def start(self) -> None:
        """Begin to beat."""
        self._thread.start()

    def hold(self, lease: Lease) -> None:
        """Keep this lease from now on."""
        with self._lock:
            self._lease, self.request, self.fenced, self.refuses = lease, Request(), False, ""
            self._renewed = time.monotonic()

    def let_go(self) -> None:
        """Keep no lease any more."""
        with self._lock:
            self._lease = None

    def hear(self) -> None:
        """Empty the descriptor: the news has been noticed."""
        with contextlib.suppress(BlockingIOError):
            os.read(self.news_fd, 4096)

    def silent(self) -> bool:
        """Whether the last renewal is so old that a reaper may soon act: commit and export nothing."""
        if self._lease is None:
            return False
        margin = min(5.0, self._settings.lease_ttl / 6)
        return time.monotonic() - self._renewed > self._settings.lease_ttl - margin

    def stop(self) -> None:
        """Beat no more, and give the device back."""
        self._stop.set()
        self._thread.join(timeout=5)
        try:
            self._store.write(lambda s: devices.release(s, self._claim.device.id, self._claim.token))
            self._store.write(lambda s: workers.stop(s, self._claim.worker))
        except Exception as error:
            log.warning("device not given back, its claim will expire: %s", error)

    def _beat_on(self) -> None:
        while not self._stop.wait(self._settings.heartbeat):
            try:
                self.beat()
            except Exception as error:
                log.warning("no heartbeat, will try again: %s", error)

    def beat(self) -> None:
        """Renew the claim, then the lease."""
        ttl = self._settings.lease_ttl
        with self._lock:
            held = self._lease
        pack_id = held.pack_id if held else None
        device, token = self._claim.device, self._claim.token
        if not self._store.write(lambda s: devices.renew(s, device.id, token, ttl, pack_id)):
            log.error("device %s is claimed by another worker by now", device.identity)
            self.evicted = True
            self._on_eviction()
            return
        if held:
            self._keep(held)
        words = f"trains pack {pack_id} on {device.identity}" if pack_id else f"idle on {device.identity}"
        words += f"; {self.refuses}" if self.refuses else ""
        self._store.write(
            lambda s: workers.say(s, self._claim.worker, socket.gethostname(), os.getpid(), words)
        )

    def _keep(self, held: Lease) -> None:
        """Renew the lease and pass on what is new."""
        changed = False
        try:
            request = self._store.write(lambda s: leases.renew(s, held, self._settings.lease_ttl))
        except Fenced:
            with self._lock:
                self.fenced = self._lease == held
            if self.fenced:
                os.write(self._news, b"x")
            return
        with self._lock:
            if self._lease == held:
                self._renewed = time.monotonic()
                changed, self.request = request != self.request, request
        if changed:
            os.write(self._news, b"x")
