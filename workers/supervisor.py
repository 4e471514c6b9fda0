"""What one worker child is: a claimed device, a heartbeat, an exporter, and a runner kept ready."""

from __future__ import annotations

import logging
import os
import signal

from services.domain.errors import Fenced
from services.settings import Settings
from services.store import leases
from services.store.leases import Lease
from services.store.session import Store
from workers import devices
from workers.attempt import Attempt
from workers.claim import Claim
from workers.exporter import Exporter
from workers.heart import Heart
from workers.process import Runner

log = logging.getLogger(__name__)


class Supervisor:
    """Leases packs and runs them, one after another, without torch.

    `shutdown_fd` becomes readable when the worker is told to go.
    """

    def __init__(self, settings: Settings, claim: Claim, shutdown_fd: int) -> None:
        self._settings, self._claim, self._shutdown_fd = settings, claim, shutdown_fd
        self._store = Store(settings.database_url)
        self._heart = Heart(self._store, settings, claim, self._evicted)
        self._exporter = Exporter(self._store, settings, claim.worker, self._heart.silent)
        self._runner = self._new_runner()

    def start(self) -> None:
        """Begin to beat and to export."""
        self._heart.start()
        self._exporter.start()

    def close(self) -> None:
        """Stop everything and give the device back."""
        self._runner.close()
        self._exporter.close(patience=3.0)
        self._heart.stop()
        self._store.close()

    def train(self, pack_id: str) -> None:
        """Run a pack to its end, if it can be leased; otherwise the message was stale and means nothing."""
        held, claim, ttl = Lease.new(pack_id), self._claim, self._settings.lease_ttl
        if not self._store.insist(lambda s: leases.take(s, held, claim.worker, claim.device.id, ttl)):
            log.info("pack %s is not to be had", pack_id)
            return
        self._heart.hold(held)
        if not self._runner.alive():
            self._renew_runner()
        attempt = Attempt(self._store, self._settings, held, self._heart, self._exporter, self._runner)
        try:
            attempt.run(self._claim.device, self._shutdown_fd)
        except Fenced:
            log.warning("pack %s was taken from this worker; its runner is killed", pack_id)
            self._runner.kill()
        except Exception:
            self._runner.kill()  # nobody would commit what it goes on to report
            raise
        finally:
            self._heart.let_go()
            attempt.close()
            if not self._runner.alive():
                self._renew_runner()

    def _new_runner(self) -> Runner:
        return Runner(devices.environment(self._claim.device, self._settings.threads))

    def _renew_runner(self) -> None:
        self._runner.close()
        self._runner = self._new_runner()

    def _evicted(self) -> None:
        """The device is gone: end this worker; whoever starts it again makes it wait for a device."""
        self._runner.kill()
        os.kill(os.getppid(), signal.SIGTERM)
