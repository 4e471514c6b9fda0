"""One pack under one lease: what the runner reports is committed behind the fence, an epoch a transaction."""

from __future__ import annotations

import logging
import selectors
import time
from collections.abc import Callable
from typing import TypeVar

from services.domain.errors import Fenced
from services.domain.metrics import decode
from services.domain.plan import Plan
from services.domain.retry import Failure
from services.domain.spec import Spec
from services.domain.states import TrialState
from services.settings import Settings
from services.store import checkpoints, endings, epochs, leases, packs, speeds, sweeps
from services.store.devices import Found
from services.store.epochs import Epoch, Saved
from services.store.leases import Lease
from services.store.models import Pack
from services.store.session import Session, Store
from workers.exporter import Exporter
from workers.heart import Heart
from workers.packlog import PackLog
from workers.process import Runner
from workers.wire import Message

log = logging.getLogger(__name__)
T = TypeVar("T")
STOP_PATIENCE = 5.0  # seconds that a runner gets to stop by itself


class Attempt:
    """Leads one runner through one pack. Raises `Fenced` when the lease is lost."""

    def __init__(
        self, store: Store, settings: Settings, held: Lease, heart: Heart, exporter: Exporter, runner: Runner
    ) -> None:
        self._store, self._settings, self._held = store, settings, held
        self._heart, self._exporter, self._runner = heart, exporter, runner
        self._log = PackLog(settings.files, held.pack_id)
        self._rows: dict[int, str] = {}  # live row → trial
        self._order: Message = {}
        self._sweep_id = ""
        self._stop_by: float | None = None
        self._over = False

    def close(self) -> None:
        """Keep the last of the runner's output."""
        self._log.drain(self._runner.output)
        self._log.close()

    def run(self, device: Found, shutdown_fd: int) -> None:
        """Lead the runner until the pack is over."""
        self._order = self._store.read(lambda session: self._compose(session, device))
        if self._runner.machine:
            self._begin()
        with selectors.DefaultSelector() as selector:
            selector.register(self._runner.wire.read_fd, selectors.EVENT_READ, self._listen)
            selector.register(self._runner.pidfd, selectors.EVENT_READ, self._mourn)
            selector.register(self._heart.news_fd, selectors.EVENT_READ, self._obey)
            selector.register(shutdown_fd, selectors.EVENT_READ, self._stop)
            selector.register(self._runner.output, selectors.EVENT_READ, self._keep_output)
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
        message = self._runner.wire.receive()
        if message is None:
            return self._mourn()
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
                self._give_up(Failure.PREEMPTED, "stopped")
            case "damaged":
                self._fall_back(message)
            case "failed":
                self._log.write(message["trace"])
                self._give_up(Failure(message["kind"]), message["message"])
        return None

    def _keep_output(self) -> None:
        self._log.drain(self._runner.output)

    def _mourn(self) -> None:
        """The runner has died; what it said before still counts."""
        while not self._over and self._runner.wire.waiting():
            message = self._runner.wire.receive()
            if message is None:
                break
            if message["say"] == "failed":
                self._log.write(message["trace"])
                return self._give_up(Failure(message["kind"]), message["message"])
        return self._give_up(Failure.CRASHED, f"the runner ended with {self._runner.ended_by()}")

    def _obey(self) -> None:
        self._heart.hear()
        if self._heart.fenced:
            raise Fenced(f"pack {self._held.pack_id} was taken away")
        if self._heart.wish.cancel:
            self._stop()

    def _stop(self) -> None:
        """Ask the runner to stop; it looks between two steps."""
        if self._stop_by is None:
            self._stop_by = time.monotonic() + STOP_PATIENCE
            self._runner.wire.send({"pack": self._held.pack_id, "do": "stop"})

    # ---- what is written

    def _write(self, work: Callable[[Session], T]) -> T:
        """Write under the lease. After a long silence renew first: a reaper may have acted meanwhile."""
        if self._heart.silent():
            ttl = self._settings.lease_ttl
            self._store.insist(lambda session: leases.renew(session, self._held, ttl))
        return self._store.insist(work)

    def _compose(self, session: Session, device: Found) -> Message:
        """The order to the runner: everything it needs to know, as JSON."""
        pack = session.get_one(Pack, self._held.pack_id)
        sweep = sweeps.get(session, pack.sweep_id)
        plan, spec = Plan.model_validate(sweep.plan), Spec.model_validate(sweep.spec)
        trials = packs.rows_of(session, pack.id)
        saved = checkpoints.of_trials(session, [trial.id for trial in trials.values()])
        self._sweep_id, self._rows = sweep.id, {row: trial.id for row, trial in trials.items()}
        return {
            "id": pack.id,
            "device": "cuda" if device.kind == "cuda" else "cpu",
            "files": str(self._settings.files),
            "width": pack.width,
            "start_epoch": pack.start_epoch,
            "target_epoch": pack.target_epoch,
            "checkpoint_every": self._settings.checkpoint_every,
            "metric": spec.objective.metric,
            "goal": spec.objective.goal,
            "data_seed": spec.seed,
            "shape_key": plan.shapes[pack.shape].key,
            "rows": [
                {
                    "row": row,
                    "trial": trial.id,
                    "config": plan.config(trial.point),
                    "seed": trial.seed,
                    "replicate": trial.replicate,
                    "checkpoint": {"id": file.id, "path": file.path, "sha256": file.sha256}
                    if (file := saved.get(trial.id))
                    else None,
                }
                for row, trial in sorted(trials.items())
            ],
        }

    def _begin(self) -> None:
        """Record the machine and send the order."""
        machine, key = self._runner.machine, self._order["shape_key"]
        self._write(lambda session: leases.fence(session, self._held, machine=machine))
        known = self._store.read(lambda session: speeds.known(session, key, machine["kind"], 1))
        self._runner.wire.send(
            {"pack": self._held.pack_id, "do": "run", "order": {**self._order, "measure": not known}}
        )

    def _commit(self, message: Message) -> None:
        """Write an epoch, and with it the end of every trial that ends here; then let the runner go on."""
        by_trial = {self._rows[int(row)]: decode(found) for row, found in message["metrics"].items()}
        final = {self._rows[int(row)]: end for row, end in (message["final"] or {}).items()}
        for trial_id, end in final.items():
            by_trial[trial_id] |= decode(end["metrics"])
        epoch = Epoch(
            number=message["number"],
            metrics=by_trial,
            best={self._rows[int(row)]: (best[0], best[1]) for row, best in message["best"].items()},
            saved=Saved(**message["saved"]) if message["saved"] else None,
            busy_ms=message["busy_ms"],
        )
        diverged = {self._rows[row] for row in message["diverged"]}
        cancelled = {trial for trial in self._heart.wish.cancel_trials if trial in by_trial} - diverged

        over = bool(final) or diverged | cancelled == by_trial.keys()

        def write(session: Session) -> None:
            epochs.commit(session, self._held, epoch)
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
                endings.end_trial(session, self._held, trial_id, TrialState.SUCCEEDED, best_file=best)
            if over:
                endings.close(session, self._held, f"reached epoch {epoch.number}")

        self._write(write)
        self._exporter.poke(self._sweep_id)
        if final:
            self._note_speed(self._order["width"], message["images_per_s"])
        drop = [row for row, trial in self._rows.items() if trial in diverged | cancelled]
        self._rows = {row: trial for row, trial in self._rows.items() if row not in drop}
        if not final:
            self._runner.wire.send({"pack": self._held.pack_id, "do": "go", "drop": drop})
        self._over = over

    def _note_speed(self, width: int, images_per_s: float) -> None:
        key, kind = self._order["shape_key"], self._runner.machine["kind"]
        self._write(lambda session: speeds.record(session, key, kind, width, images_per_s))

    def _fall_back(self, message: Message) -> None:
        log.warning(
            "pack %s: %s; going back to the checkpoint before", self._held.pack_id, message["message"]
        )

        def write(session: Session) -> None:
            leases.fence(session, self._held)
            checkpoints.fall_back(session, message["checkpoint"])
            endings.give_up(
                session, self._held, Failure.DAMAGED, {"kind": Failure.DAMAGED, "message": message["message"]}
            )

        self._write(write)
        self._over = True

    def _give_up(self, failure: Failure, words: str) -> None:
        error = {"kind": failure, "message": words, "pack": self._held.pack_id}
        self._write(lambda session: endings.give_up(session, self._held, failure, error))
        self._exporter.poke(self._sweep_id)
        self._over = True
