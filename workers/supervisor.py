"""What one worker child is: a claimed device, a heartbeat, a mirror thread, and a runner kept ready."""

from __future__ import annotations

import logging
import os
import select
import signal
import threading
import time
from functools import cached_property, partial

from services import dispatch
from services.domain.errors import Fenced, ServiceError, Unreadable
from services.domain.retry import Failure
from services.queue import Publisher
from services.settings import Settings
from services.store import endings, packs, rungs, set_aside, sweeps
from services.store.leases import Lease
from services.store.models import Sweep
from services.store.session import Store
from workers.attempt import Attempt
from workers.claim import Claim
from workers.commits import PackCommits, storable
from workers.device_faults import DeviceFaults
from workers.devices import gpu_of, runner_environment
from workers.heartbeat import Heartbeat
from workers.known_speeds import KnownSpeeds
from workers.listener import Listener
from workers.listeners.mirror_notifier import MirrorNotifier
from workers.listeners.pack_log import PackLog
from workers.listeners.speed_recorder import SpeedRecorder
from workers.main_process import MainProcess
from workers.messages import RunnerReady
from workers.mirror import MirrorThread
from workers.pack_taker import PackTaker
from workers.run_message import LeasedPack, TakenPack
from workers.runner_process import RunnerProcess
from workers.watchdog import Watchdog

log = logging.getLogger(__name__)
MAX_FAILED_STARTS = 3  # of runners in a row, before the worker ends
MAX_MIRROR_SECONDS = 3.0  # that the mirror thread gets to end


class Supervisor:
    """Leases packs and runs them, one after another, without torch.

    `shutdown_fd` becomes readable when the worker must end; `runner` is one that was started before.
    """

    def __init__(
        self,
        settings: Settings,
        claim: Claim,
        main: MainProcess,
        shutdown_fd: int,
        runner: RunnerProcess | None = None,
    ) -> None:
        self._settings, self._claim, self._shutdown_fd = settings, claim, shutdown_fd
        self._store = Store(settings.database_url, settings.idle_transaction, settings.lock_timeout)
        self._heartbeat = Heartbeat(
            self._store, settings, claim, main, on_eviction=self._on_eviction, on_stall=self._on_stall
        )
        self._mirror = MirrorThread(self._store, settings, claim.worker, self._heartbeat.overdue)
        self._speeds = KnownSpeeds(self._store)
        self._runner = self._start_runner(runner)
        self._failed_starts = 0  # runners in a row that ended before they were ready
        self._faults = DeviceFaults(self._on_device_fault, main.cuda_errors)
        self._waiting = threading.Lock()
        self._inheriting, self._inherited = threading.Lock(), False

    def start(self) -> None:
        """Begin to beat and to mirror, give back what a predecessor held, see whether the GPU is usable."""
        self._faults.note_errors()
        threading.Thread(target=self._give_back_inherited, name="inheritance", daemon=True).start()
        threading.Thread(target=self._await_runner, name="gpu", daemon=True).start()
        self._heartbeat.start()
        self._mirror.start()

    def close(self) -> None:
        """Stop everything and give the device back."""
        self._runner.close()
        self._mirror.close(MAX_MIRROR_SECONDS)
        self._heartbeat.stop()
        self._store.close()

    def train(self, pack_id: str) -> None:
        """Run the pack that comes next, then those after it, until none is left or one fails.

        A message only wakes the worker: by now another pack may come before the one that it names. When none
        waits, the worker forms the next ones itself, and it ends the sweep whose last pack it has run.
        """
        self._give_back_inherited()
        sweep_id: str | None = None  # of the last pack
        taken = self._take_next() or self._form_and_take()
        while taken:
            previous, sweep_id = sweep_id, taken.sweep_id
            if previous not in (None, sweep_id):
                self._settle(previous)
            attempt = self._lead(taken)
            if not attempt or not attempt.went_well:
                break
            self._decide(taken)
            taken = attempt.next_pack or self._form_and_take()
        if sweep_id:
            self._settle(sweep_id)
        elif not self._faults.reason and not self._refuses(pack_id):
            log.info("pack %s cannot be leased: it has ended, was withdrawn, or trains elsewhere", pack_id)
        if self._faults.reason:
            select.select([self._shutdown_fd], [], [])  # or it would take the wake-ups of all other workers

    def _must_end(self) -> bool:
        """Whether this worker takes no further pack."""
        ending = bool(self._faults.reason) or bool(select.select([self._shutdown_fd], [], [], 0)[0])
        return ending or self._heartbeat.evicted or self._failed_starts >= MAX_FAILED_STARTS

    def _await_runner(self) -> None:
        """On a GPU, have the runner say whether it can use that before a pack is taken."""
        with self._waiting:
            runner = self._runner
            if self._claim.device.kind == "cuda" and not runner.machine:
                ends = [runner.wire.read_fd, self._shutdown_fd]
                ready = select.select(ends, [], [], self._settings.stall_floor)[0]
                message = runner.wire.receive() if runner.wire.read_fd in ready else None
                if isinstance(message, RunnerReady):
                    runner.mark_ready(message)
        self._faults.note_runner(self._runner.unusable)

    def _take_next(self) -> TakenPack | None:
        self._await_runner()
        return None if self._must_end() else self._store.insist(self._taker().take)

    def _form_and_take(self) -> TakenPack | None:
        """Form packs where the window has places, as upkeep does, and take one; None if none can be taken."""
        self._await_runner()
        if self._must_end():
            return None
        taker = self._taker()
        try:
            taken = dispatch.refill(self._store, self._publisher, self._settings, taker.take_begun)
        except Exception:
            log.exception("no packs were formed; upkeep tries again")
            taken = None
        return taken or self._store.insist(taker.take)

    def _taker(self) -> PackTaker:
        return PackTaker(self._settings, self._claim, self._runner.machine)

    @cached_property
    def _publisher(self) -> Publisher:
        return Publisher(self._settings)

    def _decide(self, taken: TakenPack) -> None:
        """Decide the rung that a pack may have completed. Upkeep does it, too."""
        if not (isinstance(taken.pack, LeasedPack) and taken.pack.compares):
            return
        try:
            rungs.decide_all(self._store, only=taken.sweep_id)
        except Exception:
            log.exception("no rung of sweep %s was decided; upkeep tries again", taken.sweep_id)

    def _settle(self, sweep_id: str) -> None:
        """End a sweep of which nothing is left. Upkeep does it, too."""
        try:
            if self._store.read(lambda session: sweeps.ending_ids(session, Sweep.id == sweep_id)):
                work = partial(sweeps.settle, sweep_id=sweep_id)
                set_aside.treat(self._store, set_aside.SETTLE, sweep_id, work)
        except Exception:
            log.exception("sweep %s was not ended; upkeep tries again", sweep_id)

    def _lead(self, taken: TakenPack) -> Attempt | None:
        """Train a leased pack; returns the attempt, None if there was none or the lease was lost."""
        lease, attempt = taken.lease, None
        self._heartbeat.keep(lease)
        try:
            if not self._runner.alive():
                self._restart_runner()
            attempt = self._attempt(taken)
            if attempt:
                attempt.run(self._shutdown_fd)
        except Fenced:
            log.warning("pack %s was taken from this worker; its runner is killed", lease.pack_id)
            self._runner.kill()
            return None
        except Exception as error:
            self._runner.kill()  # nobody would commit what it goes on to report
            self._give_back_broken(lease, error)
            raise
        finally:
            self._heartbeat.release()  # whatever happened, rescue must be able to take the pack
            if attempt:
                attempt.close()
                self._faults.note_attempt(attempt.device_error, attempt.has_committed)
                self._faults.note_runner(self._runner.unusable)
            self._prepare_runner()
        return attempt

    def _attempt(self, taken: TakenPack) -> Attempt | None:
        """Make the attempt at a pack; if the pack cannot be read, give it back and return None."""
        lease, pack, settings = taken.lease, taken.pack, self._settings
        if isinstance(pack, Unreadable):
            log.error("pack %s: %s", lease.pack_id, pack)
            reason = {"kind": Failure.HOST, "message": str(pack), "pack": lease.pack_id}
            self._store.insist(lambda s: endings.give_up(s, lease, Failure.HOST, reason))
            return None
        if isinstance(pack, ServiceError):
            raise pack
        commits = PackCommits(
            self._store,
            lease,
            self._heartbeat,
            settings.lease_ttl,
            pack.run,
            pack.shape_key,
            taken.machine,
            pack.rules,
        )
        watchdog = Watchdog(settings, lambda images: self._epoch_seconds(pack, images))
        listeners = self._listeners(pack)
        return Attempt(
            pack.run, commits, self._heartbeat, self._runner, listeners, watchdog, self._taker_unless_ending
        )

    def _taker_unless_ending(self) -> PackTaker | None:
        """What takes the next pack, unless this worker takes no further one."""
        return None if self._must_end() else self._taker()

    def _epoch_seconds(self, pack: LeasedPack, images: int) -> float | None:
        """How long an epoch of this pack takes, at the speed that was measured of it here before."""
        kind, width = self._runner.machine.kind if self._runner.machine else "", pack.run.width
        speed = self._speeds.measured(pack.shape_key, kind, width)
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
            SpeedRecorder(self._speeds, pack),
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

    def _start_runner(self, started: RunnerProcess | None = None) -> RunnerProcess:
        runner = started or RunnerProcess(runner_environment(self._settings.threads))
        runner.use(gpu_of(self._claim.device))
        return runner

    def _restart_runner(self) -> None:
        old, self._runner = self._runner, self._start_runner()
        old.close()

    def _on_device_fault(self, reason: str) -> None:
        """Show in the log, in SQL and on the page why the device gets no more packs."""
        log.error("device %s gets no more packs: %s", self._claim.device.identity, reason)
        self._heartbeat.set_device_aside(reason)

    def _on_stall(self) -> None:
        """End this process at once: its main thread does nothing more. Celery starts another."""
        os.kill(os.getpid(), signal.SIGKILL)

    def _on_eviction(self) -> None:
        """End this worker, whose device is lost; started again, it waits for a device."""
        self._runner.kill()
        os.kill(os.getppid(), signal.SIGTERM)
