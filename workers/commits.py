"""What a worker writes about its pack, behind the fence: each epoch or early end is one transaction."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TypeVar

from services.domain.errors import ServiceError
from services.domain.retry import Failure
from services.domain.states import TrialState
from services.store import checkpoints, endings, leases, reports
from services.store.leases import Lease
from services.store.reports import Epoch, Saved
from services.store.session import Session, Store
from workers.heartbeat import Heartbeat
from workers.messages import CheckpointDamaged, EpochDone, Machine, Run, SavedCheckpoint
from workers.pack_taker import PackTaker
from workers.run_message import TakenPack

log = logging.getLogger(__name__)
T = TypeVar("T")
MAX_FAILURE_CHARS = 4000  # of a message that SQL keeps


@dataclass(frozen=True)
class Committed:
    """What follows from an epoch: whether the pack is over, rows for the runner to drop, the next pack."""

    over: bool
    drop: tuple[int, ...]
    next_pack: TakenPack | None = None


class PackCommits:
    """Writes under one lease, and keeps count of the pack's epoch and its live rows.

    Every method raises `Fenced` when the lease is lost.
    """

    def __init__(
        self,
        store: Store,
        lease: Lease,
        heartbeat: Heartbeat,
        lease_ttl: float,
        run: Run,
        machine: Machine | None = None,
    ) -> None:
        self._store, self._lease, self._heartbeat, self._ttl = store, lease, heartbeat, lease_ttl
        self._trials = {row.row: row.trial for row in run.rows}  # of live rows
        self._epoch = run.start_epoch
        self._machine = machine  # that SQL has noted

    def machine(self, machine: Machine) -> None:
        """Record on what the pack trains, unless that stands there."""
        if machine == self._machine:
            return
        self._write(lambda session: leases.set_machine(session, self._lease, asdict(machine)))

    def epoch(self, done: EpochDone, taker: PackTaker | None = None) -> Committed:
        """Write an epoch, and with it the end of every trial that ends here.

        With the end of the pack `taker` takes the next one, so that the device does not wait.
        """
        if done.number != self._epoch + 1:
            raise ServiceError(
                f"the runner of pack {done.pack} must report epoch {self._epoch + 1} next, "
                f"got epoch {done.number}"
            )
        self._epoch += 1
        epoch = self._by_trial(done)
        diverged = {self._trials[row] for row in done.diverged}
        flagged = self._heartbeat.request.cancel_trials
        cancelled = {trial for trial in flagged if trial in epoch.metrics} - diverged
        succeeded = {self._trials[row] for row in done.final} - diverged - cancelled
        error = {
            "kind": Failure.DIVERGED,
            "message": f"loss or weights were no longer finite in epoch {epoch.number}",
        }
        over = bool(done.final) or diverged | cancelled == epoch.metrics.keys()

        def write(session: Session) -> TakenPack | None:
            if taker and (taken := taker.taken_before(session)):
                return taken  # everything has been committed
            if succeeded == epoch.metrics.keys():
                reports.commit_last(session, self._lease, epoch)
            else:
                reports.commit(session, self._lease, epoch)
                endings.end_trials(session, self._lease, diverged, TrialState.FAILED, failure=error)
                endings.end_trials(session, self._lease, cancelled, TrialState.CANCELLED)
                endings.end_trials(session, self._lease, succeeded, TrialState.SUCCEEDED, failure=None)
                if over:
                    endings.close(session, self._lease, f"reached epoch {epoch.number}")
            return taker.take_begun(session) if taker and over else None

        next_pack = self._write(write)
        drop = tuple(row for row, trial in self._trials.items() if trial in diverged | cancelled)
        self._trials = {row: trial for row, trial in self._trials.items() if row not in drop}
        return Committed(over, drop, next_pack)

    def fall_back(self, damaged: CheckpointDamaged) -> None:
        """Have the pack's trials go on from the checkpoint before the damaged one, and end the attempt."""
        log.warning(
            "pack %s goes back to the checkpoint before, because %s", self._lease.pack_id, damaged.message
        )

        def write(session: Session) -> None:
            leases.fence(session, self._lease)
            checkpoints.fall_back(session, damaged.checkpoint, self._lease.pack_id)
            error = {"kind": Failure.DAMAGED, "message": damaged.message}
            endings.give_up(session, self._lease, Failure.DAMAGED, error)

        self._write(write)

    def give_up(self, failure: Failure, message: str, saved: SavedCheckpoint | None = None) -> None:
        """End the attempt; its trials go on from what the runner saved last."""
        error = {"kind": failure, "message": storable(message), "pack": self._lease.pack_id}

        def write(session: Session) -> None:
            leases.fence(session, self._lease)
            if saved:
                checkpoint = Saved(**asdict(saved))
                reports.remember(session, self._lease, checkpoint, list(self._trials.values()))
            endings.give_up(session, self._lease, failure, error)

        self._write(write)

    def _write(self, work: Callable[[Session], T]) -> T:
        """Write under the lease. If a renewal is overdue, renew first: rescue may have acted meanwhile."""
        if self._heartbeat.overdue():
            self._store.insist(lambda session: leases.renew(session, self._lease, self._ttl))
        return self._store.insist(work)

    def _by_trial(self, done: EpochDone) -> Epoch:
        """The epoch as SQL has it, by trial; the last one with the test metrics of the best weights."""
        metrics = {self._trials[row]: found for row, found in done.metrics.items()}
        for row, result in done.final.items():
            metrics[self._trials[row]] = metrics[self._trials[row]] | result.metrics
        ended = {row: result for row, result in done.final.items() if row not in done.diverged}
        return Epoch(
            number=done.number,
            metrics=metrics,
            best={self._trials[row]: best for row, best in done.best.items()},
            saved=Saved(**asdict(done.saved)) if done.saved else None,
            busy_ms=done.busy_ms,
            work_ms=done.work_ms,
            files={self._trials[row]: result.file for row, result in ended.items()},
        )


def storable(message: str) -> str:
    """Return what SQL can keep of a failure's message."""
    return message.replace("\0", "").encode(errors="replace").decode()[:MAX_FAILURE_CHARS]
