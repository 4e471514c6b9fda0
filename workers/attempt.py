"""One pack under one lease: what the runner reports is committed behind the fence, an epoch a transaction."""

from __future__ import annotations

import logging
import selectors
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

from services.domain.errors import Fenced, ServiceError
from services.domain.json_numbers import decode
from services.domain.retry import Failure
from services.domain.states import TrialState
from services.settings import Settings
from services.store import checkpoints, endings, leases, reports, speeds
from services.store.devices import Found
from services.store.leases import Lease, SweepRequest
from services.store.reports import Epoch, Saved
from services.store.session import Session, Store
from workers.heartbeat import Heart
from workers.mirror import Exporter
from workers.order import compose
from workers.pack_log import PackLog
from workers.runner_process import Runner
from workers.wire import Message

log = logging.getLogger(__name__)
T = TypeVar("T")
STOP_PATIENCE = 5.0  # seconds that a runner gets to stop by itself
LONGEST = 4000  # characters of a failure that SQL keeps


class Attempt:
    """Leads one runner through one pack. Raises `Fenced` when the lease is lost."""

    def __init__(
        self, store: Store, settings: Settings, held: Lease, heart: Heart, exporter: Exporter, runner: Runner
    ) -> None:
        self._store, self._settings, self._held = store, settings, held
        self._heart, self._exporter, self._runner = heart, exporter, runner
        self._log = PackLog(settings.files, held.pack_id)
        self._rows: dict[int, str] = {}  # live row → trial
        self._stop_by: float | None = None
        self._over = False

    def close(self) -> None:
        """Keep the last of the runner's output."""
        self._log.drain(self._runner.output)
        self._log.close()

    def run(self, device: Found, shutdown_fd: int) -> None:
        """Lead the runner until the pack is over."""
        self._order = self._store.insist(
            lambda session: compose(session, self._held.pack_id, device, self._settings)
        )
        self._rows = dict(self._order.rows)
        self._epoch = self._order.message["start_epoch"]
        if self._runner.machine:
            self._begin()
        with selectors.DefaultSelector() as selector:
            for descriptor, reaction in (
                (self._runner.wire.read_fd, self._listen),
                (self._runner.pidfd, self._mourn),
                (self._heart.news_fd, self._obey),
                (shutdown_fd, self._stop),
                (self._runner.output, self._keep_output),
            ):
                if descriptor is not None:
                    selector.register(descriptor, selectors.EVENT_READ, reaction)
            while not self._over:
                for key, _ in selector.select(timeout=0.5):
                    if key.fd == shutdown_fd:
                        selector.unregister(shutdown_fd)  # it stays readable for ever
                    self._react(key.data)
                if self._stop_by and not self._over and time.monotonic() > self._stop_by:
                    self._runner.kill()
                    self._give_up(Failure.PREEMPTED, "the runner did not stop by itself")

    # ---- what happens

    def _react(self, to: Callable[[], None]) -> None:
        if not self._over:
            to()

    def _listen(self) -> None:
        """Take every message that has arrived: one read may bring several."""
        while not self._over:
            message = self._runner.wire.receive()
            if message is None:
                return self._mourn()
            self._take(message)
            if not self._runner.wire.waiting():
                return None
        return None

    def _take(self, message: Message) -> None:
        if message["say"] == "ready":
            self._runner.machine = message["machine"]
            return self._begin()
        if message["pack"] != self._held.pack_id:
            return None  # about an earlier pack, said too late
        match message["say"]:
            case "speed":
                self._note_speed(1, message["images_per_s"])
            case "epoch":
                self._commit(message)
            case "stopped":
                self._give_up(Failure.PREEMPTED, "stopped", message["saved"])
            case "damaged":
                self._fall_back(message)
            case "failed":
                self._log.write(message["trace"])
                if message["kind"] != Failure.SPEC:
                    self._runner.kill()  # it may be ending; the next pack must not meet it
                self._give_up(Failure(message["kind"]), message["message"])
        return None

    def _keep_output(self) -> None:
        self._log.drain(self._runner.output)

    def _mourn(self) -> None:
        """The runner has died; why it says it did counts, what it did not finish does not."""
        while self._runner.wire.waiting() and (message := self._runner.wire.receive()):
            if message["say"] == "failed" and message["pack"] == self._held.pack_id:
                return self._take(message)
        if self._heart.evicted:
            raise Fenced("the device belongs to another worker by now")
        # One that never was ready has seen no trial: the fault is this host's.
        failure = Failure.CRASHED if self._runner.machine else Failure.HOST
        return self._give_up(failure, f"the runner ended with {self._runner.ended_by()}")

    def _obey(self) -> None:
        self._heart.hear()
        if self._heart.fenced:
            raise Fenced(f"pack {self._held.pack_id} was taken away")
        if self._heart.request.sweep is not SweepRequest.NONE:
            self._stop()

    def _stop(self) -> None:
        """Ask the runner to stop; it looks between two steps. One that has not begun is not waited for."""
        if not self._runner.machine:
            self._runner.kill()
            self._give_up(Failure.PREEMPTED, "stopped before it began")
        elif self._stop_by is None:
            self._stop_by = time.monotonic() + STOP_PATIENCE
            self._tell("stop")

    def _tell(self, do: str, **more: Any) -> None:
        """Send the runner a message; if it is dead by now, its pidfd says so next."""
        with suppress(BrokenPipeError):
            self._runner.wire.send({"pack": self._held.pack_id, "do": do, **more})

    # ---- what is written

    def _write(self, work: Callable[[Session], T]) -> T:
        """Write under the lease. After a long silence renew first: a reaper may have acted meanwhile."""
        if self._heart.silent():
            ttl = self._settings.lease_ttl
            self._store.insist(lambda session: leases.renew(session, self._held, ttl))
        return self._store.insist(work)

    def _begin(self) -> None:
        """Record the machine and send the order."""
        machine, key = self._runner.machine, self._order.shape_key
        self._write(lambda session: leases.fence(session, self._held, machine=machine))
        known = self._store.insist(lambda session: speeds.known(session, key, machine["kind"], 1))
        self._tell("run", order={**self._order.message, "measure": not known})

    def _commit(self, message: Message) -> None:
        """Write an epoch, and with it the end of every trial that ends here; then let the runner go on."""
        number = message["number"]
        if number != self._epoch + 1:
            raise ServiceError(f"epoch {number} follows epoch {self._epoch}: the runner went astray")
        self._epoch += 1
        by_trial = {self._rows[int(row)]: decode(found) for row, found in message["metrics"].items()}
        final = {self._rows[int(row)]: end for row, end in (message["final"] or {}).items()}
        for trial_id, end in final.items():
            by_trial[trial_id] |= decode(end["metrics"])
        epoch = Epoch(
            number=number,
            metrics=by_trial,
            best={self._rows[int(row)]: (best[0], best[1]) for row, best in message["best"].items()},
            saved=Saved(**message["saved"]) if message["saved"] else None,
            busy_ms=message["busy_ms"],
            work_ms=message["work_ms"],
        )
        diverged = {self._rows[row] for row in message["diverged"]}
        cancelled = {trial for trial in self._heart.request.cancel_trials if trial in by_trial} - diverged

        over = bool(final) or diverged | cancelled == by_trial.keys()

        def write(session: Session) -> None:
            reports.commit(session, self._held, epoch)
            for trial_id in diverged:
                error = {
                    "kind": Failure.DIVERGED,
                    "message": f"loss or weights were no longer finite in epoch {epoch.number}",
                }
                endings.end_trial(session, self._held, trial_id, TrialState.FAILED, failure=error)
            for trial_id in cancelled:
                endings.end_trial(session, self._held, trial_id, TrialState.CANCELLED)
            for trial_id in final.keys() - diverged - cancelled:
                best = final[trial_id]["file"]
                endings.end_trial(
                    session, self._held, trial_id, TrialState.SUCCEEDED, best_file=best, failure=None
                )
            if over:
                endings.close(session, self._held, f"reached epoch {epoch.number}")

        self._write(write)
        self._over = over
        self._exporter.poke(self._order.sweep_id)
        if final:
            self._note_speed(self._order.width, message["images_per_s"])
        drop = [row for row, trial in self._rows.items() if trial in diverged | cancelled]
        self._rows = {row: trial for row, trial in self._rows.items() if row not in drop}
        if not final:
            self._tell("go", drop=drop)

    def _note_speed(self, width: int, images_per_s: float) -> None:
        """Remember a measurement; it is not the trials' and needs no lease."""
        key, kind = self._order.shape_key, self._runner.machine["kind"]
        self._store.insist(lambda session: speeds.record(session, key, kind, width, images_per_s))

    def _fall_back(self, message: Message) -> None:
        log.warning(
            "pack %s: %s; going back to the checkpoint before", self._held.pack_id, message["message"]
        )

        def write(session: Session) -> None:
            leases.fence(session, self._held)
            checkpoints.fall_back(session, message["checkpoint"], self._held.pack_id)
            endings.give_up(
                session, self._held, Failure.DAMAGED, {"kind": Failure.DAMAGED, "message": message["message"]}
            )

        self._write(write)
        self._over = True

    def _give_up(self, failure: Failure, words: str, saved: Message | None = None) -> None:
        """End the attempt; what the runner saved last is where its trials go on."""

        def write(session: Session) -> None:
            leases.fence(session, self._held)
            if saved:
                reports.remember(session, self._held, Saved(**saved), list(self._rows.values()))
            endings.give_up(session, self._held, failure, error)

        clean = words.replace("\0", "").encode(errors="replace").decode()[:LONGEST]
        error = {"kind": failure, "message": clean, "pack": self._held.pack_id}
        self._write(write)
        self._exporter.poke(self._order.sweep_id)
        self._over = True
