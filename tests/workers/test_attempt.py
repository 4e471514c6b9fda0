"""One attempt, led through a scripted runner: messages that come together, too late, or never."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from paper_sweep import fill, row_of, take, trials_of, write_sweep
from sqlalchemy import update

from services.domain.errors import Fenced, ServiceError
from services.settings import Settings
from services.store import endings
from services.store.devices import Found
from services.store.leases import Lease
from services.store.models import Pack
from services.store.session import Store
from workers.attempt import Attempt
from workers.claim import Claim
from workers.heartbeat import Heart
from workers.mirror import Exporter
from workers.wire import Message, Wire

DEVICE = Found("host", "cpu:0", "cpu", "slot 0")
MACHINE = {"kind": "paper", "torch": "0", "threads": 1}


class ScriptedRunner:
    """Both ends of a runner's pipes; the test plays the runner's part."""

    def __init__(self, machine: Message) -> None:
        to_child, from_parent = os.pipe()
        to_parent, from_child = os.pipe()
        self.output, self._output_end = os.pipe()
        os.set_blocking(self.output, False)
        self.wire, self.own = Wire(to_parent, from_parent), Wire(to_child, from_child)
        self.pidfd, self.machine, self.killed = None, machine, False

    def say(self, *messages: Message) -> None:
        """Write these messages at once."""
        os.write(self.own.write_fd, b"".join(json.dumps(m).encode() + b"\n" for m in messages))

    def hear(self) -> Message:
        """What the supervisor says."""
        message = self.own.receive()
        assert message is not None
        return message

    def die(self) -> None:
        """Close the pipes, as the death of a process does."""
        self.own.close()

    def kill(self) -> None:
        self.killed = True

    def ended_by(self) -> str:
        return "a script's end"


class Stage:
    """A leased pack of four trials and everything around an attempt at it."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self.store, self.settings = store, settings
        self.sweep_id = write_sweep(store)
        self.pack = fill(store, self.sweep_id)
        self.held: Lease = take(store, self.pack)
        claim = Claim("worker", DEVICE, "token")
        self.heart = Heart(store, settings, claim, on_eviction=lambda: None)
        self.heart.hold(self.held)
        self.shutdown_fd, self.shutdown = os.pipe()

    def lead(self, runner: ScriptedRunner, script: Callable[[ScriptedRunner], object]) -> None:
        """Run an attempt while the script plays the runner."""
        exporter = Exporter(self.store, self.settings, "worker", self.heart.silent)
        attempt = Attempt(self.store, self.settings, self.held, self.heart, exporter, runner)  # type: ignore[arg-type]
        actor = threading.Thread(target=script, args=(runner,), daemon=True)
        actor.start()
        try:
            attempt.run(DEVICE, self.shutdown_fd)
        finally:
            actor.join(5)
            attempt.close()

    def epoch(self, number: int, **changes: Any) -> Message:
        """A report of an epoch of all rows."""
        message = {
            "pack": self.pack.id,
            "say": "epoch",
            "number": number,
            "metrics": {row: {"val/acc": 0.5} for row in range(4)},
            "diverged": [],
            "best": {},
            "saved": None,
            "final": None,
            "busy_ms": 1,
            "work_ms": 1,
            "images_per_s": 1.0,
        }
        return message | changes

    @property
    def states(self) -> list[str]:
        return [trial.state for trial in trials_of(self.store, self.sweep_id)]


@pytest.fixture
def stage(sqlite_store: Store, sqlite_settings: Settings) -> Iterator[Stage]:
    """A pack, ready to be led."""
    ready = Stage(sqlite_store, sqlite_settings)
    yield ready
    os.close(ready.shutdown_fd)
    os.close(ready.shutdown)


@pytest.mark.timeout(20)
def test_messages_that_arrive_together_are_all_heard(stage: Stage) -> None:
    heard = []

    def script(runner: ScriptedRunner) -> None:
        heard.append(runner.hear()["do"])
        runner.say({"pack": stage.pack.id, "say": "speed", "images_per_s": 5.0}, stage.epoch(1))
        heard.append(runner.hear()["do"])
        runner.say(stage.epoch(2))
        heard.append(runner.hear()["do"])
        ends = {row: {"file": f"best-{row}", "metrics": {}} for row in range(4)}
        runner.say(stage.epoch(3, final=ends))

    stage.lead(ScriptedRunner(MACHINE), script)
    assert heard == ["run", "go", "go"]
    assert stage.states == ["succeeded"] * 4


@pytest.mark.timeout(20)
def test_what_an_earlier_pack_left_in_the_pipe_means_nothing(stage: Stage) -> None:
    def script(runner: ScriptedRunner) -> None:
        runner.hear()
        stale = stage.epoch(1) | {"pack": "another"}
        runner.say(
            stale,
            {"pack": "another", "say": "stopped", "saved": None},
            {"pack": stage.pack.id, "say": "stopped", "saved": None},
        )

    stage.lead(ScriptedRunner(MACHINE), script)
    assert {trial.epoch for trial in trials_of(stage.store, stage.sweep_id)} == {0}
    assert stage.states == ["pending"] * 4


@pytest.mark.timeout(20)
def test_a_runner_that_never_was_ready_blames_the_host(stage: Stage) -> None:
    stage.lead(ScriptedRunner({}), ScriptedRunner.die)
    trials = trials_of(stage.store, stage.sweep_id)
    assert {(t.state, t.crashes, t.losses, t.most_alive) for t in trials} == {("pending", 0, 1, None)}


@pytest.mark.timeout(20)
def test_a_runner_that_dies_before_it_is_told_to_go_on_has_crashed(stage: Stage) -> None:
    def script(runner: ScriptedRunner) -> None:
        runner.hear()
        runner.say(stage.epoch(1))
        runner.die()

    stage.lead(ScriptedRunner(MACHINE), script)
    trials = trials_of(stage.store, stage.sweep_id)
    assert {(t.state, t.epoch, t.crashes, t.most_alive) for t in trials} == {("pending", 1, 0, 2)}
    assert row_of(stage.store, Pack, stage.pack.id).state == "lost"


@pytest.mark.timeout(20)
def test_a_runner_that_failed_is_killed_before_the_next_pack_can_meet_it(stage: Stage) -> None:
    def script(runner: ScriptedRunner) -> None:
        runner.hear()
        failure = {"kind": "crashed", "message": "with a \0 in it", "trace": "…"}
        runner.say({"pack": stage.pack.id, "say": "failed", **failure})

    runner = ScriptedRunner(MACHINE)
    stage.lead(runner, script)
    assert runner.killed
    trial = trials_of(stage.store, stage.sweep_id)[0]
    assert trial.failure is not None
    assert trial.failure["message"] == "with a  in it"


@pytest.mark.timeout(20)
def test_a_wrong_spec_ends_its_trials_and_keeps_the_runner(stage: Stage) -> None:
    def script(runner: ScriptedRunner) -> None:
        runner.hear()
        failure = {"kind": "spec", "message": "does not fit", "trace": "…"}
        runner.say({"pack": stage.pack.id, "say": "failed", **failure})

    runner = ScriptedRunner(MACHINE)
    stage.lead(runner, script)
    assert not runner.killed
    assert stage.states == ["failed"] * 4


@pytest.mark.timeout(20)
def test_a_shutdown_before_the_runner_is_ready_is_not_waited_for(stage: Stage) -> None:
    os.write(stage.shutdown, b"x")
    runner = ScriptedRunner({})
    stage.lead(runner, lambda _: None)
    assert runner.killed
    assert stage.states == ["pending"] * 4
    assert "before it began" in row_of(stage.store, Pack, stage.pack.id).outcome


@pytest.mark.timeout(20)
def test_a_pack_that_was_taken_away_is_left_alone(stage: Stage) -> None:
    def script(runner: ScriptedRunner) -> None:
        runner.hear()
        gone = update(Pack).where(Pack.id == stage.pack.id).values(expires_at=0)
        stage.store.write(lambda session: session.execute(gone))
        stage.store.write(lambda session: endings.reap(session, stage.pack.id))
        runner.say(stage.epoch(1))

    with pytest.raises(Fenced):
        stage.lead(ScriptedRunner(MACHINE), script)
    assert {trial.epoch for trial in trials_of(stage.store, stage.sweep_id)} == {0}
    assert stage.states == ["pending"] * 4


@pytest.mark.timeout(20)
def test_a_runner_that_does_not_go_on_from_the_checkpoint_is_noticed(stage: Stage) -> None:
    def script(runner: ScriptedRunner) -> None:
        runner.hear()
        runner.say(stage.epoch(2))

    with pytest.raises(ServiceError, match="epoch 2 follows epoch 0"):
        stage.lead(ScriptedRunner(MACHINE), script)
    assert {trial.epoch for trial in trials_of(stage.store, stage.sweep_id)} == {0}
