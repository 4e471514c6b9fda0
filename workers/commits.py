"""What a worker writes about its pack, behind the fence: each epoch or early end is one transaction."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, TypeVar

from services.domain.errors import ServiceError
from services.domain.retry import Failure
from services.domain.states import TrialState
from services.domain.stopping import TrialRule
from services.store import checkpoints, convolution_choices, endings, leases, reports, speeds
from services.store.convolution_choices import ArrayKind
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
    """What follows from an epoch: whether the pack is over, rows for the runner to drop, the next pack.

    `sparse`: so many rows are dead that those that are left should train in narrower arrays.
    `save`: a fork waits for the epoch's checkpoint, which is not written yet.
    """

    over: bool
    drop: tuple[int, ...]
    next_pack: TakenPack | None = None
    sparse: bool = False
    save: bool = False


@dataclass(frozen=True)
class End:
    """How a trial leaves a pack before its last epoch: `failure`, or the rule that has `stopped` it."""

    state: TrialState
    failure: Mapping[str, Any] | None = None
    stopped: Mapping[str, Any] | None = None

    def values(self) -> dict[str, Any]:
        """The columns that change with the state."""
        if self.state == TrialState.PRUNED:
            return {"stopped": self.stopped, "failure": None}
        return {"failure": self.failure} if self.failure else {}


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
        shape_key: str,
        machine: Machine | None = None,
        rules: Sequence[TrialRule] = (),
    ) -> None:
        self._store, self._lease, self._heartbeat, self._ttl = store, lease, heartbeat, lease_ttl
        self._trials = {row.row: row.trial for row in run.rows}  # of live rows
        self._epoch, self._target, self._ends = run.start_epoch, run.target_epoch, run.ends
        self._width, self._shape_key, self._on_gpu = run.width, shape_key, run.device == "cuda"
        self._machine = machine  # that SQL has noted
        self._rules = rules  # of early stopping, each for a trial's own curve

    def machine(self, machine: Machine) -> None:
        """Record on what the pack trains, unless that stands there."""
        if machine == self._machine:
            return
        self._write(lambda session: leases.set_machine(session, self._lease, asdict(machine)))
        self._machine = machine

    def chosen_ways(self, machine: Machine) -> dict[str, str]:
        """Read how arrays like the pack's compute convolutions on this machine, as far as it is settled."""
        return self._store.insist(lambda session: convolution_choices.chosen(session, self._arrays(machine)))

    def settle_ways(self, timed: Mapping[str, str], machine: Machine) -> dict[str, str]:
        """Settle how the pack's convolutions are computed, and record it with the machine."""
        arrays = self._arrays(machine)

        def write(session: Session) -> dict[str, str]:
            leases.fence(session, self._lease)
            settled = convolution_choices.settle(session, arrays, timed)
            leases.set_machine(session, self._lease, asdict(replace(machine, ways=settled)))
            return settled

        return self._write(write)

    def epoch(self, done: EpochDone, taker: PackTaker | None = None) -> Committed:
        """Write an epoch, and with it the end of every trial that ends here, or waits at a rung from here on.

        With the end of the pack `taker` takes the next one, so that the device does not wait.
        """
        if done.number != self._epoch + 1:
            raise ServiceError(
                f"the runner of pack {done.pack} must report epoch {self._epoch + 1} next, "
                f"got epoch {done.number}"
            )
        self._epoch += 1
        epoch, last = self._by_trial(done), done.number == self._target
        ends = self._ends_of(done, epoch)
        over = last or ends.keys() == epoch.metrics.keys()
        succeeds = last and self._ends and not ends

        def write(session: Session) -> tuple[TakenPack | None, bool]:
            if taker and (taken := taker.taken_before(session)):
                return taken, False  # everything has been committed
            if succeeds:
                reports.commit_last(session, self._lease, epoch)
            else:
                reports.commit(session, self._lease, epoch)
                for end, trials in _together(ends):
                    endings.end_trials(session, self._lease, trials, end.state, **end.values())
                others = epoch.metrics.keys() - ends.keys() if last else set()
                if self._ends:
                    endings.end_trials(session, self._lease, others, TrialState.SUCCEEDED, failure=None)
                else:
                    endings.hold_trials(session, self._lease, others)
                if over:
                    endings.close(session, self._lease, f"reached epoch {epoch.number}")
            asked = not over and epoch.saved is None and leases.fence(session, self._lease).save_asked
            return taker.take_begun(session) if taker and over else None, asked

        next_pack, save = self._write(write)
        drop = tuple(row for row, trial in self._trials.items() if trial in ends)
        self._trials = {row: trial for row, trial in self._trials.items() if row not in drop}
        pruned = any(end.state == TrialState.PRUNED for end in ends.values())
        sparse = pruned and not over and 2 * len(self._trials) <= self._width
        return Committed(over, drop, next_pack, sparse, save)

    def checkpoint(self, saved: SavedCheckpoint) -> None:
        """Have the pack's trials go on from a checkpoint that was asked for, and forks begin with it."""

        def write(session: Session) -> None:
            leases.fence(session, self._lease)
            reports.remember(session, self._lease, Saved(**asdict(saved)), list(self._trials.values()))

        self._write(write)

    def _ends_of(self, done: EpochDone, epoch: Epoch) -> dict[str, End]:
        """The trials that end with this epoch, though it is not their last one or not as planned."""
        error = {
            "kind": Failure.DIVERGED,
            "message": f"loss or weights were no longer finite in epoch {epoch.number}",
        }
        ends = {self._trials[row]: End(TrialState.FAILED, error) for row in done.diverged}
        asked = self._heartbeat.request
        for trial in epoch.metrics.keys() & asked.cancel_trials - ends.keys():
            ends[trial] = End(TrialState.CANCELLED)
        if done.number == self._target and self._ends:
            return ends
        for trial in epoch.metrics.keys() - ends.keys():
            best_epoch = epoch.best[trial][0] if trial in epoch.best else None
            found = {rule.name: rule.reason(epoch.number, best_epoch) for rule in self._rules}
            if asked.ended_by:
                found = {asked.ended_by["rule"]: asked.ended_by["reason"]}
            if (rule := next((name for name, reason in found.items() if reason), None)) is not None:
                stopped = {"rule": rule, "reason": found[rule]}
                ends[trial] = End(TrialState.PRUNED, stopped=stopped)
        return ends

    def fall_back(self, damaged: CheckpointDamaged) -> None:
        """Have the pack's trials go on from the checkpoint before the damaged one, and end the attempt."""
        log.warning(
            "pack %s goes back to the checkpoint before, because %s", self._lease.pack_id, damaged.message
        )

        def write(session: Session) -> None:
            leases.fence(session, self._lease)
            lost = checkpoints.fall_back(session, damaged.checkpoint, self._lease.pack_id)
            error = {"kind": Failure.DAMAGED, "message": damaged.message}
            for trial, start in lost.items():
                message = f"{storable(damaged.message)}: it held {start}, from which this trial was forked"
                failure = {"kind": Failure.DAMAGED, "message": f"{message}; fork that trial again"}
                endings.end_trials(session, self._lease, [trial], TrialState.FAILED, failure=failure)
            endings.give_up(session, self._lease, Failure.DAMAGED, error)

        self._write(write)

    def give_up(
        self,
        failure: Failure,
        message: str,
        saved: SavedCheckpoint | None = None,
        regather: bool = False,
    ) -> None:
        """End the attempt; its trials go on from what the runner saved last.

        `regather`: in other places, with the trials of other packs. Where a GPU's memory was not enough, no
        array as wide is formed for such a GPU again.
        """
        error = {"kind": failure, "message": storable(message), "pack": self._lease.pack_id}

        def write(session: Session) -> None:
            leases.fence(session, self._lease)
            if saved:
                checkpoint = Saved(**asdict(saved))
                reports.remember(session, self._lease, checkpoint, list(self._trials.values()))
            if failure == Failure.MEMORY and self._on_gpu and self._machine:
                speeds.note_too_wide(session, self._shape_key, self._machine.kind, self._width)
            endings.give_up(session, self._lease, failure, error, regather)

        self._write(write)

    def _arrays(self, machine: Machine) -> ArrayKind:
        return ArrayKind(self._shape_key, machine.kind, self._width)

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
            engine=asdict(done.engine),
            files={self._trials[row]: result.file for row, result in ended.items()},
        )


def _together(ends: Mapping[str, End]) -> list[tuple[End, list[str]]]:
    """The trials that end alike, together."""
    alike: list[tuple[End, list[str]]] = []
    for trial, end in ends.items():
        same = next((trials for other, trials in alike if other == end), None)
        if same is None:
            alike.append((end, [trial]))
        else:
            same.append(trial)
    return alike


def storable(message: str) -> str:
    """Return what SQL can keep of a failure's message."""
    return message.replace("\0", "").encode(errors="replace").decode()[:MAX_FAILURE_CHARS]
