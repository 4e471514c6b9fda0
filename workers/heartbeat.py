"""The heartbeat: a thread that renews the device's claim and the pack's lease, and sees what users want."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import threading
import time
from collections.abc import Callable

from services import lock_file
from services.domain.errors import Fenced
from services.settings import Settings
from services.store import devices, leases, workers
from services.store.leases import Lease, Request
from services.store.session import Store
from workers.claim import Claim
from workers.main_process import MainProcess

log = logging.getLogger(__name__)
MAX_MARGIN_SECONDS = 5.0  # before a lease ends, in which nothing is written without a renewal


class Heartbeat:
    """Beats every `heartbeat` seconds, whether a pack runs or not.

    `news_fd` becomes readable when the lease is lost or a user asks for something new.
    `on_eviction` is called, from the thread, when another worker has claimed the device; `on_stall` when the
    thread that leads the pack has stood still for `stall_floor` seconds while the database answers.
    """

    def __init__(
        self,
        store: Store,
        settings: Settings,
        claim: Claim,
        main: MainProcess,
        on_eviction: Callable[[], None],
        on_stall: Callable[[], None],
    ) -> None:
        self._store, self._settings, self._claim, self._main = store, settings, claim, main
        self._on_eviction, self._on_stall = on_eviction, on_stall
        self.news_fd, self._news = os.pipe()
        os.set_blocking(self.news_fd, False)
        self._lock = threading.Lock()
        self._lease: Lease | None = None
        self._renewed = self._progress = time.monotonic()
        self.request = Request()
        self.fenced = False
        self.evicted = False
        self._seen_progress, self._still = self._progress, 0.0
        self._refusal = ""  # why this worker did not take the last pack
        self._set_aside = ""  # why its device gets no more packs
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._beat_on, name="heartbeat", daemon=True)

    def start(self) -> None:
        """Begin to beat."""
        self._thread.start()

    def keep(self, lease: Lease) -> None:
        """Renew this lease with every beat, until `release`."""
        with self._lock:
            self._lease, self.request, self.fenced, self._refusal = lease, Request(), False, ""
            self._renewed = self._progress = time.monotonic()

    def note_progress(self) -> None:
        """Note that the thread that leads the pack goes round, as it does twice a second."""
        self._progress = time.monotonic()

    def release(self) -> None:
        """Renew no lease any more."""
        with self._lock:
            self._lease = None

    def refuse(self, reason: str) -> None:
        """Show at once, and until the next pack, why this worker did not take one."""
        self._refusal = reason
        self.beat()

    def set_device_aside(self, reason: str) -> None:
        """Show at once and from now on why the device gets no more packs; it counts as not accepting any."""
        self._set_aside = reason
        self._try_to_beat()

    def drain(self) -> None:
        """Empty the descriptor: the news has been noticed."""
        with contextlib.suppress(BlockingIOError):
            os.read(self.news_fd, 4096)

    def overdue(self) -> bool:
        """Whether the lease was renewed so long ago that rescue may soon act: commit and mirror nothing."""
        if self._lease is None:
            return False
        margin = min(MAX_MARGIN_SECONDS, self._settings.lease_ttl / 6)
        return time.monotonic() - self._renewed > self._settings.lease_ttl - margin

    def stop(self) -> None:
        """Beat no more, and give the device back."""
        self._stop.set()
        self._thread.join(timeout=5)
        try:
            self._store.write(lambda s: devices.release(s, self._claim.device.id, self._claim.token))
            self._store.write(lambda s: workers.stop(s, self._claim.worker))
            lock_file.remove(self._claim.token)  # only now: else nobody could see that this worker has ended
        except Exception as error:
            log.warning("the device was not given back, its claim will expire: %s", error)

    def beat(self) -> None:
        """Renew the claim, then the lease, and show what this worker does."""
        ttl = self._settings.lease_ttl
        with self._lock:
            lease = self._lease
        pack_id = lease.pack_id if lease else None
        device, token = self._claim.device, self._claim.token
        hears = (silence := self._main.silence()) <= ttl
        accepting = hears and not self._set_aside
        if not self._store.write(lambda s: devices.renew(s, device.id, token, ttl, pack_id, accepting)):
            log.error("another worker has claimed device %s", device.identity)
            self.evicted = True
            self._on_eviction()
            return
        self._main.child_works()
        if lease:
            self._renew(lease)
            self._check_progress(lease)
        status = f"trains pack {pack_id} on {device.identity}" if pack_id else f"idle on {device.identity}"
        if self._set_aside:
            status = f"takes no packs on {device.identity} ({device.name}): {self._set_aside}"
        elif not hears:
            what = f"trains pack {pack_id}, but takes" if pack_id else "takes"
            status = (
                f"{what} no messages on {device.identity}: for {silence:.0f} s its main process "
                f"{self._main.pid} has hung or Redis has not answered"
            )
        status = "; ".join(filter(None, [status, self._refusal, self._claim.remark]))
        self._store.write(
            lambda s: workers.say(s, self._claim.worker, socket.gethostname(), os.getpid(), status)
        )

    def _beat_on(self) -> None:
        while not self._stop.wait(self._settings.heartbeat):
            self._try_to_beat()

    def _try_to_beat(self) -> None:
        try:
            self.beat()
        except Exception as error:
            log.warning("a heartbeat failed, the next one follows: %s", error)

    def _check_progress(self, lease: Lease) -> None:
        """End a supervisor whose pack nobody leads any more; the database has just answered."""
        moved, self._seen_progress = self._progress != self._seen_progress, self._progress
        # By beats, because a commit that waits for the database stands still too, and so do they.
        self._still = 0.0 if moved else self._still + self._settings.heartbeat
        if self._still > self._settings.stall_floor and self._lease == lease:
            log.error("pack %s is not led for %.0f s: this supervisor ends", lease.pack_id, self._still)
            self._on_stall()

    def _renew(self, lease: Lease) -> None:
        """Renew the lease and pass on what is new."""
        changed = False
        try:
            request = self._store.write(lambda s: leases.renew(s, lease, self._settings.lease_ttl))
        except Fenced:
            with self._lock:
                self.fenced = self._lease == lease
            if self.fenced:
                os.write(self._news, b"x")
            return
        with self._lock:
            if self._lease == lease:
                self._renewed = time.monotonic()
                changed, self.request = request != self.request, request
        if changed:
            os.write(self._news, b"x")
