"""One attempt, led through a scripted runner: messages that come together, too late, or never."""

from __future__ import annotations

import os
import re
import time
from dataclasses import replace
from typing import Any

import pytest
from attempt_stage import AttemptStage
from paper_sweep import fork_of, row_of, trials_of
from scripted_runner import MACHINE, ScriptedRunner
from sqlalchemy import update

from services.domain.errors import Fenced, ServiceError
from services.domain.retry import Failure
from services.store import endings
from services.store.models import Pack, Trial
from workers.commits import PackCommits
from workers.listener import Listener
from workers.messages import (
    CheckpointSaved,
    EpochDone,
    Failed,
    FinalResult,
    Go,
    Machine,
    Message,
    Prepared,
    Run,
    RunnerReady,
    SavedCheckpoint,
    SpeedMeasured,
    Stop,
    Stopped,
)


class Recorder(Listener):
    """Remembers the calls of its hooks, and asks for a measurement."""

    def __init__(self) -> None:
        self.calls: list[object] = []
        self.output = b""

    def before_run(self, run: Run, machine: Machine) -> Run:
        self.calls.append(machine)
        return replace(run, measure=True)

    def on_output(self, data: bytes) -> None:
        self.output += data

    def on_message(self, message: Message) -> None:
        self.calls.append(type(message))

    def on_epoch(self, epoch: EpochDone) -> None:
        self.calls.append(epoch.number)

    def on_early_end(self, failure: Failure) -> None:
        self.calls.append(failure)

    def close(self) -> None:
        self.calls.append("closed")


@pytest.mark.timeout(20)
def test_messages_that_arrive_together_are_all_taken(stage: AttemptStage) -> None:
    received = []

    def script(runner: ScriptedRunner) -> None:
        received.append(type(runner.receive()))
        runner.send(SpeedMeasured(stage.pack.id, 5.0), stage.epoch(1))
        received.append(type(runner.receive()))
        runner.send(stage.epoch(2))
        received.append(type(runner.receive()))
        ends = {row: FinalResult(f"best-{row}", {}) for row in range(4)}
        runner.send(replace(stage.epoch(3), final=ends))

    stage.lead(ScriptedRunner(MACHINE), script)
    assert received == [Run, Go, Go]
    assert stage.states == ["succeeded"] * 4


@pytest.mark.timeout(20)
def test_a_fork_s_checkpoint_is_asked_for_with_go_and_committed_when_it_comes(stage: AttemptStage) -> None:
    fork = fork_of(stage.store, trials_of(stage.store, stage.sweep_id)[0].id)
    received: list[Message] = []

    def script(runner: ScriptedRunner) -> None:
        runner.receive()
        runner.send(stage.epoch(1))
        received.append(runner.receive())
        runner.send(CheckpointSaved(stage.pack.id, SavedCheckpoint(1, "packs/p/1", "0" * 64, 5)))
        runner.send(stage.epoch(2))
        received.append(runner.receive())
        runner.send(Stopped(stage.pack.id, None))

    stage.lead(ScriptedRunner(MACHINE), script)
    assert received == [Go(stage.pack.id, save=True), Go(stage.pack.id)]
    assert row_of(stage.store, Trial, fork.id).start_epoch == 1
    assert {trial.saved_epoch for trial in trials_of(stage.store, stage.sweep_id)} == {1}


@pytest.mark.timeout(20)
def test_what_an_earlier_pack_left_in_the_pipe_means_nothing(stage: AttemptStage) -> None:
    def script(runner: ScriptedRunner) -> None:
        runner.receive()
        stale = replace(stage.epoch(1), pack="another")
        runner.send(stale, Stopped("another", None), Stopped(stage.pack.id, None))

    stage.lead(ScriptedRunner(MACHINE), script)
    assert {trial.epoch for trial in trials_of(stage.store, stage.sweep_id)} == {0}
    assert stage.states == ["pending"] * 4


@pytest.mark.timeout(20)
def test_a_runner_that_never_was_ready_blames_the_host(stage: AttemptStage) -> None:
    stage.lead(ScriptedRunner(None), ScriptedRunner.die)
    trials = trials_of(stage.store, stage.sweep_id)
    assert {(t.state, t.crashes, t.losses, t.most_alive) for t in trials} == {("pending", 0, 1, None)}


@pytest.mark.timeout(20)
def test_a_runner_that_cannot_use_its_gpu_is_sent_no_pack(stage: AttemptStage) -> None:
    runner = ScriptedRunner(None)
    attempt = stage.lead(runner, lambda one: one.send(RunnerReady(MACHINE, "", "a CPU build")))
    assert (runner.unusable, runner.own.readable(), attempt.went_well) == ("a CPU build", False, False)
    assert row_of(stage.store, Pack, stage.pack.id).outcome == "host: a CPU build"
    assert {trial.crashes for trial in trials_of(stage.store, stage.sweep_id)} == {0}


@pytest.mark.timeout(20)
@pytest.mark.parametrize("by_device", [True, False])
def test_a_cuda_error_is_kept_and_whether_an_epoch_came_before_it(
    stage: AttemptStage, by_device: bool
) -> None:
    def script(runner: ScriptedRunner) -> None:
        runner.receive()
        runner.send(stage.epoch(1))
        runner.receive()
        runner.send(Failed(stage.pack.id, Failure.HOST, "CUDA error: lost", "…", by_device))

    attempt = stage.lead(ScriptedRunner(MACHINE), script)
    assert (attempt.device_error, attempt.has_committed) == ("CUDA error: lost" if by_device else "", True)


@pytest.mark.timeout(20)
def test_a_runner_that_dies_before_it_may_go_on_has_crashed(stage: AttemptStage) -> None:
    def script(runner: ScriptedRunner) -> None:
        runner.receive()
        runner.send(stage.epoch(1))
        runner.die()

    stage.lead(ScriptedRunner(MACHINE), script)
    trials = trials_of(stage.store, stage.sweep_id)
    assert {(t.state, t.epoch, t.crashes, t.most_alive) for t in trials} == {("pending", 1, 0, 2)}
    assert row_of(stage.store, Pack, stage.pack.id).state == "lost"


@pytest.mark.timeout(20)
def test_a_runner_that_failed_is_killed_before_the_next_pack_can_meet_it(stage: AttemptStage) -> None:
    def script(runner: ScriptedRunner) -> None:
        runner.receive()
        runner.send(Failed(stage.pack.id, Failure.CRASHED, "with a \0 in it", "…"))

    runner = ScriptedRunner(MACHINE)
    stage.lead(runner, script)
    assert runner.killed
    trial = trials_of(stage.store, stage.sweep_id)[0]
    assert trial.failure is not None
    assert trial.failure["message"] == "with a  in it"


@pytest.mark.timeout(20)
def test_a_wrong_spec_ends_its_trials_and_keeps_the_runner(stage: AttemptStage) -> None:
    def script(runner: ScriptedRunner) -> None:
        runner.receive()
        runner.send(Failed(stage.pack.id, Failure.SPEC, "does not fit", "…"))

    runner = ScriptedRunner(MACHINE)
    stage.lead(runner, script)
    assert not runner.killed
    assert stage.states == ["failed"] * 4


@pytest.mark.timeout(20)
def test_a_shutdown_before_the_runner_is_ready_is_not_waited_for(stage: AttemptStage) -> None:
    os.write(stage.shutdown, b"x")
    runner = ScriptedRunner(None)
    stage.lead(runner, lambda _: None)
    assert runner.killed
    assert stage.states == ["pending"] * 4
    assert "before it began" in row_of(stage.store, Pack, stage.pack.id).outcome


@pytest.mark.timeout(20)
def test_a_pack_that_was_taken_away_is_left_alone(stage: AttemptStage) -> None:
    def script(runner: ScriptedRunner) -> None:
        runner.receive()
        gone = update(Pack).where(Pack.id == stage.pack.id).values(expires_at=0)
        stage.store.write(lambda session: session.execute(gone))
        stage.store.write(lambda session: endings.reap(session, stage.pack.id))
        runner.send(stage.epoch(1))

    with pytest.raises(Fenced):
        stage.lead(ScriptedRunner(MACHINE), script)
    assert {trial.epoch for trial in trials_of(stage.store, stage.sweep_id)} == {0}
    assert stage.states == ["pending"] * 4


@pytest.mark.timeout(20)
def test_a_runner_that_does_not_go_on_from_the_checkpoint_is_noticed(stage: AttemptStage) -> None:
    def script(runner: ScriptedRunner) -> None:
        runner.receive()
        runner.send(stage.epoch(2))

    with pytest.raises(ServiceError, match="must report epoch 1 next, got epoch 2"):
        stage.lead(ScriptedRunner(MACHINE), script)
    assert {trial.epoch for trial in trials_of(stage.store, stage.sweep_id)} == {0}


@pytest.mark.timeout(20)
def test_a_listener_follows_the_whole_attempt(stage: AttemptStage) -> None:
    received: list[Message] = []

    def script(runner: ScriptedRunner) -> None:
        received.append(runner.receive())
        os.write(runner.output_end, b"printed")
        runner.send(stage.epoch(1))
        runner.receive()
        runner.send(Stopped(stage.pack.id, None))

    recorder = Recorder()
    stage.lead(ScriptedRunner(MACHINE), script, [recorder])
    assert isinstance(received[0], Run)
    assert received[0].measure
    assert recorder.output == b"printed"
    assert recorder.calls == [MACHINE, EpochDone, 1, Stopped, Failure.PREEMPTED, "closed"]


@pytest.mark.timeout(20)
def test_rows_that_diverged_are_dropped_and_a_pack_without_rows_is_over(stage: AttemptStage) -> None:
    received: list[Message] = []

    def script(runner: ScriptedRunner) -> None:
        runner.receive()
        runner.send(replace(stage.epoch(1), diverged=(1, 3)))
        received.append(runner.receive())
        rest = {row: {"val/acc": 0.5} for row in (0, 2)}
        runner.send(replace(stage.epoch(2), metrics=rest, diverged=(0, 2)))
        received.append(runner.receive())  # it waits for an answer all the same

    stage.lead(ScriptedRunner(MACHINE), script)
    assert received == [Go(stage.pack.id, (1, 3)), Go(stage.pack.id, (0, 2))]
    assert stage.states == ["failed"] * 4
    assert row_of(stage.store, Pack, stage.pack.id).state == "closed"


@pytest.mark.timeout(20)
def test_a_shutdown_asks_the_runner_to_stop_and_keeps_what_it_saved(stage: AttemptStage) -> None:
    received: list[Message] = []

    def script(runner: ScriptedRunner) -> None:
        runner.receive()
        os.write(stage.shutdown, b"x")
        received.append(runner.receive())
        runner.send(Stopped(stage.pack.id, SavedCheckpoint(0, "a file", "ab", 1)))

    stage.lead(ScriptedRunner(MACHINE), script)
    assert received == [Stop(stage.pack.id)]
    assert all(trial.checkpoint_id for trial in trials_of(stage.store, stage.sweep_id))


def impatient(stage: AttemptStage) -> None:
    """Have a runner be killed after a second without progress."""
    stage.settings = stage.settings.model_copy(update={"stall_floor": 1.0, "stall_factor": 10.0})


@pytest.mark.timeout(20)
def test_a_runner_that_makes_no_progress_is_killed_and_has_crashed(stage: AttemptStage) -> None:
    impatient(stage)
    stage.speed = 0.03
    runner = ScriptedRunner(MACHINE)

    def script(runner: ScriptedRunner) -> None:
        runner.receive()
        runner.send(Prepared(stage.pack.id, 100))

    stage.lead(runner, script)
    assert runner.killed
    ended = row_of(stage.store, Pack, stage.pack.id)
    assert ended.state == "lost"
    assert re.fullmatch(
        r"crashed: no progress for [12] s; an epoch was expected to take 0 s", ended.outcome
    ), ended.outcome
    assert {trial.most_alive for trial in trials_of(stage.store, stage.sweep_id)} == {2}


@pytest.mark.timeout(20)
def test_a_runner_that_never_gets_ready_is_given_up_and_the_host_is_to_blame(stage: AttemptStage) -> None:
    stage.settings = stage.settings.model_copy(update={"stall_start": 0.7})
    runner = ScriptedRunner(None)
    stage.lead(runner, lambda _: None)
    assert runner.killed
    trials = trials_of(stage.store, stage.sweep_id)
    assert {(trial.crashes, trial.losses) for trial in trials} == {(0, 1)}
    assert trials[0].failure is not None
    assert trials[0].failure["message"] == "no progress for 1 s, before its first epoch"


@pytest.mark.timeout(20)
def test_time_that_a_commit_waits_for_the_database_is_no_stall(
    stage: AttemptStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.settings = stage.settings.model_copy(update={"stall_floor": 1.5, "stall_factor": 1.0})
    epoch = PackCommits.epoch

    def slow(commits: PackCommits, done: EpochDone, taker: Any) -> Any:
        time.sleep(1.8)
        return epoch(commits, done, taker)

    monkeypatch.setattr(PackCommits, "epoch", slow)

    def script(runner: ScriptedRunner) -> None:
        runner.receive()
        runner.send(stage.epoch(1))
        runner.receive()
        runner.send(Stopped(stage.pack.id, None))

    runner = ScriptedRunner(MACHINE)
    stage.lead(runner, script)
    assert not runner.killed


@pytest.mark.timeout(20)
def test_a_pack_of_which_half_was_pruned_is_stopped_and_its_trials_get_new_places(
    stage: AttemptStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = PackCommits.epoch
    monkeypatch.setattr(
        PackCommits, "epoch", lambda *given, **more: replace(honest(*given, **more), sparse=True)
    )
    received: list[Message] = []

    def script(runner: ScriptedRunner) -> None:
        runner.receive()
        runner.send(stage.epoch(1))
        received.append(runner.receive())
        runner.send(Stopped(stage.pack.id, SavedCheckpoint(1, "packs/p/1", "0" * 64, 5)))

    attempt = stage.lead(ScriptedRunner(MACHINE), script)
    assert attempt.went_well
    assert received == [Stop(stage.pack.id)]
    trials = trials_of(stage.store, stage.sweep_id)
    assert {(t.state, t.width, t.row, t.saved_epoch) for t in trials} == {("pending", None, None, 1)}
    outcome = row_of(stage.store, Pack, stage.pack.id).outcome
    assert outcome == "preempted: half of its rows have ended: the others are gathered anew"
