"""What one worker child is: a claimed device, a heartbeat, a mirror thread, and a runner kept ready."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time

from services.domain.errors import Fenced, Unreadable
from services.domain.retry import Failure
from services.settings import Settings
from services.store import endings, leases, packs, speeds
from services.store.leases import Lease
from services.store.session import Store
from workers.attempt import Attempt
from workers.claim import Claim
from workers.commits import PackCommits, storable
from workers.devices import runner_environment
from workers.heartbeat import Heartbeat
from workers.listener import Listener
from workers.listeners.mirror_notifier import MirrorNotifier
from workers.listeners.pack_log import PackLog
from workers.listeners.speed_recorder import SpeedRecorder
from workers.main_process import MainProcess
from workers.mirror import MirrorThread
from workers.run_message import LeasedPack, read_leased_pack
from workers.runner_process import RunnerProcess
from workers.watchdog import Watchdog

log = logging.getLogger(__name__)
MAX_FAILED_STARTS = 3  # of runners in a row, before the worker ends
MAX_MIRROR_SECONDS = 3.0  # that the mirror thread gets to end


class Supervisor:
    """Leases packs and runs them, one after another, without torch.

    `shutdown_fd` becomes readable when the worker must end.
    """

    def __init__(self, settings: Settings, claim: Claim, main: MainProcess, shutdown_fd: int) -> None:
        self._settings, self._claim, self._shutdown_fd = settings, claim, shutdown_fd
        self._store = Store(settings.database_url, settings.idle_transaction, settings.lock_timeout)
        self._heartbeat = Heartbeat(
            self._store, settings, claim, main, on_eviction=self._on_eviction, on_stall=self._on_stall
        )
        self._mirror = MirrorThread(self._store, settings, claim.worker, self._heartbeat.overdue)
        self._runner = self._start_runner()
        self._failed_starts = 0  # runners in a row that ended before they were ready
        self._inheriting, self._inherited = threading.Lock(), False

    def start(self) -> None:
        """Begin to beat and to mirror, and give back what a predecessor held."""
        threading.Thread(target=self._give_back_inherited, name="inheritance", daemon=True).start()
        self._heartbeat.start()
        self._mirror.start()

    def close(self) -> None:
        """Stop everything and give the device back."""
        self._runner.close()
        self._mirror.close(MAX_MIRROR_SECONDS)
        self._heartbeat.stop()
        self._store.close()

    def train(self, pack_id: str) -> None:
        """Run the pack that comes next, if one can be leased; otherwise the message was stale.

        A message wakes the worker: by now another pack may come before the one that it names.
        """
        kind, plugins = self._claim.device.kind, self._claim.plugins
        pack_id = self._store.insist(lambda session: packs.next_for(session, kind, plugins)) or pack_id
        if self._refuses(pack_id):
            return
        self._give_back_inherited()
        lease, claim, ttl = Lease.new(pack_id), self._claim, self._settings.lease_ttl
        if not self._store.insist(
            lambda s: leases.take(s, lease, claim.worker, claim.device.id, ttl, claim.token)
        ):
            log.info("pack %s cannot be leased: it has ended, was withdrawn, or trains elsewhere", pack_id)
            return
        self._heartbeat.keep(lease)
        attempt: Attempt | None = None
        try:
            if not self._runner.alive():
                self._restart_runner()
            attempt = self._attempt(lease)
            if attempt:
                attempt.run(self._shutdown_fd)
        except Fenced:
            log.warning("pack %s was taken from this worker; its runner is killed", pack_id)
            self._runner.kill()
        except Exception as error:
            self._runner.kill()  # nobody would commit what it goes on to report
            self._give_back_broken(lease, error)
            raise
        finally:
            self._heartbeat.release()  # whatever happened, rescue must be able to take the pack
            if attempt:
                attempt.close()
            self._prepare_runner()

    def _attempt(self, lease: Lease) -> Attempt | None:
        """Read what the pack holds; if that cannot be read, give it back and return None."""
        device, settings = self._claim.device, self._settings
        try:
            pack = self._store.insist(lambda s: read_leased_pack(s, lease.pack_id, device, settings))
        except Unreadable as error:
            log.error("pack %s: %s", lease.pack_id, error)
            reason = {"kind": Failure.HOST, "message": str(error), "pack": lease.pack_id}
            self._store.insist(lambda s: endings.give_up(s, lease, Failure.HOST, reason))
            return None
        commits = PackCommits(self._store, lease, self._heartbeat, settings.lease_ttl, pack.run)
        watchdog = Watchdog(settings, lambda images: self._epoch_seconds(pack, images))
        return Attempt(pack.run, commits, self._heartbeat, self._runner, self._listeners(pack), watchdog)

    def _epoch_seconds(self, pack: LeasedPack, images: int) -> float | None:
        """How long an epoch of this pack takes, at the speed that was measured of it here before."""
        kind, width = self._runner.machine.kind if self._runner.machine else "", pack.run.width
        speed = self._store.insist(lambda s: speeds.measured(s, pack.shape_key, kind, width))
        return width * images / speed if speed else None

    def _give_back_inherited(self) -> None:
        """Give up what a supervisor before this one, under the same claim, held when it died."""
        with self._inheriting:
            if not self._inherited:
                what = "lost its supervisor, and has another one"
                token = self._claim.token
                for pack_id in self._store.insist(lambda s: endings.give_up_claimed(s, token, what)):
                    log.warning("pack %s gets another attempt: its supervisor died", pack_id)
                self._inherited = True

    def _give_back_broken(self, lease: Lease, error: Exception) -> None:
        """Give up a pack that this supervisor could not lead, instead of letting its lease run out."""
        message = storable(f"its worker failed: {error}")
        reason = {"kind": Failure.LOST, "message": message, "pack": lease.pack_id}
        try:
            self._store.write(lambda s: endings.give_up(s, lease, Failure.LOST, reason))
        except Exception as again:
            log.warning("pack %s is left to rescue: %s", lease.pack_id, again)

    def _listeners(self, pack: LeasedPack) -> list[Listener]:
        return [
            PackLog(self._settings.files, pack.run.pack),
            SpeedRecorder(self._store, pack),
            MirrorNotifier(self._mirror, pack.sweep_id),
        ]

    def _refuses(self, pack_id: str) -> bool:
        """Whether this worker must leave a pack to others, because its entry files are not the sweep's.

        The pack stays queued, and is announced again after a while: to a worker that has them by then.
        """
        wanted = self._store.insist(lambda session: packs.plugins_of(session, pack_id))
        if not wanted or wanted == self._claim.plugins:
            return False
        has = f"plug-ins {self._claim.plugins[:12]}" if self._claim.plugins else "none"
        reason = (
            f"refuses pack {pack_id}: its sweep was planned with plug-ins {wanted[:12]}, this worker has "
            f"{has}; set CNNLAB_PLUGINS to the same folder as the API's and start the worker again"
        )
        log.warning("%s", reason)
        self._heartbeat.refuse(reason)
        return True

    def _prepare_runner(self) -> None:
        """Have a live runner for the next pack; a host on which none comes up ends this worker."""
        self._failed_starts = 0 if self._runner.machine else self._failed_starts + 1
        if self._failed_starts == MAX_FAILED_STARTS:
            log.error(
                "this worker ends, because %d runners in a row did not start; the logs of their packs "
                "below CNNLAB_FILES may show why",
                MAX_FAILED_STARTS,
            )
            os.kill(os.getppid(), signal.SIGTERM)
        elif self._failed_starts:
            time.sleep(self._settings.heartbeat)
        if not self._runner.alive() and not self._heartbeat.evicted:
            self._restart_runner()

    def _start_runner(self) -> RunnerProcess:
        return RunnerProcess(runner_environment(self._claim.device, self._settings.threads))

    def _restart_runner(self) -> None:
        old, self._runner = self._runner, self._start_runner()
        old.close()

    def _on_stall(self) -> None:
        """End this process at once: its main thread does nothing more. Celery starts another."""
        os.kill(os.getpid(), signal.SIGKILL)

    def _on_eviction(self) -> None:
        """End this worker, whose device is lost; started again, it waits for a device."""
        self._runner.kill()
        os.kill(os.getppid(), signal.SIGTERM)
