"""What one worker child is: a claimed device, a heartbeat, an exporter, and a runner kept ready."""

from __future__ import annotations

import logging
import os
import signal
import time

from services.domain.errors import Fenced
from services.settings import Settings
from services.store import leases, packs
from services.store.leases import Lease
from services.store.session import Store
from workers import devices
from workers.attempt import Attempt
from workers.claim import Claim
from workers.heartbeat import Heart
from workers.mirror import Exporter
from workers.runner_process import Runner

log = logging.getLogger(__name__)
MOST_STILLBORN = 3


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
        self._stillborn = 0  # runners in a row that died before they were ready

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
        if self._refuses(pack_id):
            return
        held, claim, ttl = Lease.new(pack_id), self._claim, self._settings.lease_ttl
        if not self._store.insist(lambda s: leases.take(s, held, claim.worker, claim.device.id, ttl)):
            log.info("pack %s is not to be had", pack_id)
            return
        self._heart.hold(held)
        attempt: Attempt | None = None
        try:
            if not self._runner.alive():
                self._renew_runner()
            attempt = Attempt(self._store, self._settings, held, self._heart, self._exporter, self._runner)
            attempt.run(claim.device, self._shutdown_fd)
        except Fenced:
            log.warning("pack %s was taken from this worker; its runner is killed", pack_id)
            self._runner.kill()
        except Exception:
            self._runner.kill()  # nobody would commit what it goes on to report
            raise
        finally:
            self._heart.let_go()  # whatever happened, rescue must be able to take the pack
            if attempt:
                attempt.close()
            self._look_after_runner()

    def _refuses(self, pack_id: str) -> bool:
        """Whether this worker must leave a pack to others, because its entry files are not the sweep's.

        The pack stays queued, and is announced again after a while: to whoever has them by then.
        """
        wanted = self._store.insist(lambda session: packs.plugins_of(session, pack_id))
        if not wanted or wanted == self._claim.plugins:
            return False
        has = f"plug-ins {self._claim.plugins[:12]}" if self._claim.plugins else "none"
        words = (
            f"refuses pack {pack_id}: its sweep was planned with plug-ins {wanted[:12]}, this worker has "
            f"{has}; set CNNLAB_PLUGINS to the same folder as the API's and start the worker again"
        )
        log.warning("%s", words)
        self._heart.refuses = words
        self._heart.beat()
        return True

    def _look_after_runner(self) -> None:
        """Have a live runner for the next pack; a host on which none comes up ends this worker."""
        self._stillborn = 0 if self._runner.machine else self._stillborn + 1
        if self._stillborn == MOST_STILLBORN:
            log.error("no runner comes up on this host: this worker ends")
            os.kill(os.getppid(), signal.SIGTERM)
        elif self._stillborn:
            time.sleep(self._settings.heartbeat)
        if not self._runner.alive() and not self._heart.evicted:
            self._renew_runner()

    def _new_runner(self) -> Runner:
        return Runner(devices.environment(self._claim.device, self._settings.threads))

    def _renew_runner(self) -> None:
        old, self._runner = self._runner, self._new_runner()
        old.close()

    def _evicted(self) -> None:
        """The device is gone: end this worker; whoever starts it again makes it wait for a device."""
        self._runner.kill()
        os.kill(os.getppid(), signal.SIGTERM)
