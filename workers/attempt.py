"""One attempt at a pack: a supervisor leads a runner through it, commits its epochs and answers it."""

from __future__ import annotations

import logging
import selectors
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace

from services.domain.errors import Fenced
from services.domain.retry import Failure
from services.store.leases import SweepRequest
from workers.commits import PackCommits
from workers.heartbeat import Heartbeat
from workers.listener import Listener
from workers.messages import (
    CheckpointDamaged,
    CheckpointSaved,
    EpochDone,
    Failed,
    FromRunner,
    Go,
    Machine,
    Run,
    RunnerReady,
    Stop,
    Stopped,
    ToRunner,
    UseWays,
    WaysChosen,
)
from workers.pack_taker import PackTaker
from workers.run_message import TakenPack
from workers.runner_process import RunnerProcess
from workers.watchdog import Watchdog

log = logging.getLogger(__name__)

MAX_STOP_SECONDS = 5.0  # that a runner gets to stop by itself


class Attempt:
    """Leads one runner through one pack; listeners follow beside. Raises `Fenced` when the lease is lost.

    `taker()` makes what takes the next pack with the end of this one, or returns None; `next_pack` is the one
    that was taken. `device_error` is the CUDA error that ended it, if one did; `has_committed` tells whether
    any epoch was committed.
    """

    def __init__(
        self,
        run_message: Run,
        commits: PackCommits,
        heartbeat: Heartbeat,
        runner: RunnerProcess,
        listeners: Sequence[Listener],
        watchdog: Watchdog,
        taker: Callable[[], PackTaker | None] = lambda: None,
    ) -> None:
        self._run_message, self._commits, self._heartbeat = run_message, commits, heartbeat
        self._runner, self._listeners, self._watchdog = runner, listeners, watchdog
        self._taker = taker
        self.next_pack: TakenPack | None = None
        self.device_error, self.has_committed = "", False
        self._stop_by: float | None = None
        self._regather = False  # its trials go on in other places
        self._over = False
        self._failure: Failure | None = None

    @property
    def went_well(self) -> bool:
        """Whether the pack has reached its end, or was given back as asked."""
        return self._over and self._failure in (None, Failure.PREEMPTED)

    def close(self) -> None:
        """Pass on the last of the runner's output, and close the listeners."""
        while self._pass_output_on():
            pass
        for listener in self._listeners:
            listener.close()

    def run(self, shutdown_fd: int) -> None:
        """Lead the runner until the pack is over; stop it when `shutdown_fd` becomes readable."""
        if self._runner.machine:
            self._begin(self._runner.machine)
        with selectors.DefaultSelector() as selector:
            for descriptor, reaction in (
                (self._runner.wire.read_fd, self._on_messages),
                (self._runner.pidfd, self._on_runner_exit),
                (self._heartbeat.news_fd, self._on_heartbeat_news),
                (shutdown_fd, self._stop),
                (self._runner.output, self._pass_output_on),
            ):
                if descriptor is not None:
                    selector.register(descriptor, selectors.EVENT_READ, reaction)
            while not self._over:
                for key, _ in selector.select(timeout=0.5):
                    if key.fd == shutdown_fd:
                        selector.unregister(shutdown_fd)  # it stays readable
                    self._react(key.data)
                self._react(self._look_at_the_time)
                self._heartbeat.note_progress()

    def _look_at_the_time(self) -> None:
        """End a runner that does not stop as asked, and one that makes no progress."""
        if self._stop_by and time.monotonic() > self._stop_by:
            self._runner.kill()
            self._give_up(Failure.PREEMPTED, "the runner did not stop by itself")
        elif stall := self._watchdog.stalled():
            self._runner.kill()
            # One that never was ready has seen no trial: the fault is this host's.
            self._give_up(Failure.CRASHED if self._runner.machine else Failure.HOST, stall)

    # ---- what happens

    def _react(self, reaction: Callable[[], object]) -> None:
        if not self._over:
            reaction()

    def _on_messages(self) -> None:
        """Take every message that has arrived: one read may bring several."""
        while not self._over:
            message = self._runner.wire.receive()
            if message is None:
                self._on_runner_exit()
            elif isinstance(message, FromRunner):
                self._on_message(message)
            if not self._runner.wire.readable():
                break

    def _on_message(self, message: FromRunner) -> None:
        if isinstance(message, RunnerReady):
            self._runner.mark_ready(message)
            self._watchdog.note()
            if message.unusable:
                self._give_up(Failure.HOST, message.unusable)
            else:
                self._begin(message.machine)
            return
        if message.pack != self._run_message.pack:
            return  # about an earlier pack, and too late
        self._watchdog.on_message(message)
        for listener in self._listeners:
            listener.on_message(message)
        match message:
            case WaysChosen():
                self._settle_ways(message)
            case EpochDone():
                self._commit(message)
            case CheckpointSaved():
                self._commits.checkpoint(message.saved)
            case Stopped():
                why = (
                    "half of its rows have ended: the others are gathered anew"
                    if self._regather
                    else "stopped"
                )
                self._give_up(Failure.PREEMPTED, why, message)
            case CheckpointDamaged():
                self._commits.fall_back(message)
                self._end_early(Failure.DAMAGED)
            case Failed():
                if message.failure != Failure.SPEC:
                    self._runner.kill()  # it may be ending; the next pack must not meet it
                self.device_error = message.message if message.by_device else ""
                self._give_up(message.failure, message.message)

    def _pass_output_on(self) -> bool:
        """Give listeners what the runner has printed; says whether it was anything."""
        data = self._runner.read_output()
        if data:
            self._watchdog.on_output()
        for listener in self._listeners if data else ():
            listener.on_output(data)
        return bool(data)

    def _on_runner_exit(self) -> None:
        """The reason that the runner gave counts; an epoch that it reported and nobody read does not."""
        while self._runner.wire.readable() and (message := self._runner.wire.receive()):
            if isinstance(message, Failed) and message.pack == self._run_message.pack:
                self._on_message(message)
                return
        if self._heartbeat.evicted:
            raise Fenced("another worker has claimed the device")
        # One that never was ready has seen no trial: the fault is this host's.
        failure = Failure.CRASHED if self._runner.machine else Failure.HOST
        self._give_up(failure, f"the runner ended with {self._runner.describe_exit()}")

    def _on_heartbeat_news(self) -> None:
        self._heartbeat.drain()
        if self._heartbeat.fenced:
            raise Fenced(f"the lease of pack {self._run_message.pack} is lost")
        if self._heartbeat.request.sweep is not SweepRequest.NONE:
            self._stop()

    # ---- what is done

    def _begin(self, machine: Machine) -> None:
        """Record the machine and send the runner its `Run`."""
        self._commits.machine(machine)
        run = self._run_message
        if run.device == "cuda":
            run = replace(run, ways=self._commits.chosen_ways(machine))
        for listener in self._listeners:
            run = listener.before_run(run, machine)
        self._send(run)

    def _settle_ways(self, message: WaysChosen) -> None:
        """Record how the pack's convolutions are computed, then let the runner begin."""
        machine = self._runner.machine
        assert machine, "a runner that has not said what it runs on has begun a pack"
        settled = self._commits.settle_ways(message.ways, machine)
        self._send(UseWays(message.pack, settled))

    def _stop(self) -> None:
        """Ask the runner to stop; it looks between two steps. One that has not begun is not waited for."""
        if not self._runner.machine:
            self._runner.kill()
            self._give_up(Failure.PREEMPTED, "stopped before it began")
        elif self._stop_by is None:
            self._stop_by = time.monotonic() + MAX_STOP_SECONDS
            self._send(Stop(self._run_message.pack))

    def _send(self, message: ToRunner) -> None:
        """Send the runner a message; if it has died, its pidfd reports that next."""
        with suppress(BrokenPipeError):
            self._runner.wire.send(message)

    def _commit(self, done: EpochDone) -> None:
        """Commit an epoch, then let the runner go on."""
        last = done.number == self._run_message.target_epoch
        committed = self._commits.epoch(done, self._taker() if last else None)
        self._over, self.next_pack, self.has_committed = committed.over, committed.next_pack, True
        for listener in self._listeners:
            listener.on_epoch(done)
        if committed.sparse and not last and not committed.over:
            self._regather = True
            self._stop()
        elif not last:  # the runner waits for an answer even when no row is left
            self._send(Go(self._run_message.pack, committed.drop, committed.save))

    def _give_up(self, failure: Failure, message: str, stopped: Stopped | None = None) -> None:
        """End the attempt; its trials wait for another one, or have failed."""
        saved, regather = stopped.saved if stopped else None, self._regather and stopped is not None
        self._commits.give_up(failure, message, saved, regather)
        self._end_early(failure)

    def _end_early(self, failure: Failure) -> None:
        self._over, self._failure = True, failure
        for listener in self._listeners:
            listener.on_early_end(failure)
