"""workers/app.py: what happens in a worker's child around its supervisor, with processes on paper."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from celery.signals import worker_process_init, worker_process_shutdown, worker_shutting_down

from services.host import HostDevice
from services.settings import Settings
from workers import app as module
from workers.app import MAX_CHILD_STARTS, make_worker, signs_of
from workers.claim import Claim
from workers.main_process import MainProcess

CLAIM = Claim("worker", HostDevice("host", "cpu:0", "cpu", "slot 0"), "token")
SIGNALS = (worker_process_init, worker_process_shutdown, worker_shutting_down)


class PaperSupervisor:
    """Remembers what it was asked for; it may be unable to start."""

    broken = False
    made: list[PaperSupervisor]

    def __init__(
        self, settings: Settings, claim: Claim, main: MainProcess, shutdown_fd: int, runner: Any = None
    ) -> None:
        self.runner = runner
        self.main, self.shutdown_fd, self.trained = main, shutdown_fd, []  # type: ignore[var-annotated]
        if self.broken:
            raise OSError("no more processes")
        self.made.append(self)

    def start(self) -> None:
        pass

    def train(self, pack_id: str) -> None:
        self.trained.append(pack_id)

    def close(self) -> None:
        self.trained.append("closed")


class Child:
    """A worker's application, and this process in the part of its child."""

    def __init__(self, settings: Settings, runner: Any = None) -> None:
        self.sent: list[tuple[int, int]] = []
        self.handlers: dict[int, Any] = {}
        self.app = make_worker(settings, CLAIM, runner)

    def train(self, pack_id: str) -> None:
        self.app.tasks[module.TASK](pack_id)


@pytest.fixture
def child(sqlite_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Child]:
    """A child in which no real signal is sent and nothing of this process is changed."""
    receivers = [list(each.receivers) for each in SIGNALS]
    monkeypatch.setattr(module, "Supervisor", PaperSupervisor)
    monkeypatch.setattr(PaperSupervisor, "made", [], raising=False)
    monkeypatch.setattr(module, "end_with_parent", lambda *_: None)
    made = Child(sqlite_settings)
    monkeypatch.setattr(module.os, "kill", lambda pid, number: made.sent.append((pid, number)))
    monkeypatch.setattr(module.signal, "signal", made.handlers.__setitem__)
    yield made
    for each, before in zip(SIGNALS, receivers, strict=True):
        each.receivers = before


def start(child: Child) -> None:
    """What Celery does in a new child."""
    worker_process_init.send(sender=None)


def test_a_signal_to_the_child_is_passed_on_to_the_main_process(child: Child) -> None:
    start(child)
    assert child.handlers[signal.SIGTERM] is signal.SIG_IGN
    child.train("p")
    (supervisor,) = PaperSupervisor.made
    assert supervisor.trained == ["p"]
    child.handlers[signal.SIGTERM](signal.SIGTERM, None)
    assert child.sent == [(supervisor.main.pid, signal.SIGTERM)]


def test_a_shutdown_that_the_main_process_announces_reaches_the_supervisor(child: Child) -> None:
    start(child)
    (supervisor,) = PaperSupervisor.made
    os.set_blocking(supervisor.shutdown_fd, False)
    with pytest.raises(BlockingIOError):
        os.read(supervisor.shutdown_fd, 1)
    worker_shutting_down.send(sender=None)
    assert os.read(supervisor.shutdown_fd, 1) == b"x"
    worker_process_shutdown.send(sender=None)
    assert supervisor.trained == ["closed"]


def test_a_supervisor_that_does_not_start_ends_its_worker(
    child: Child, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(PaperSupervisor, "broken", True)
    start(child)
    assert child.sent == [(os.getpid(), signal.SIGTERM)]
    assert "its supervisor did not start" in caplog.text
    worker_process_shutdown.send(sender=None)  # there is nothing to close


def test_children_that_end_at_once_again_and_again_end_their_worker(
    child: Child, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(MAX_CHILD_STARTS):
        start(child)
    assert child.sent == []
    start(child)
    assert child.sent == [(os.getpid(), signal.SIGTERM)]
    assert len(PaperSupervisor.made) == MAX_CHILD_STARTS
    assert "5 children in a row ended at once" in caplog.text


def test_the_loop_that_takes_messages_gives_the_signs() -> None:
    class Timer:
        calls: list[tuple[float, Callable[[], None]]] = []  # noqa: RUF012
        cancelled = 0

        def call_repeatedly(self, seconds: float, call: Callable[[], None]) -> Timer:
            self.calls.append((seconds, call))
            return self

        def cancel(self) -> None:
            self.cancelled += 1

    class Consumer:
        timer = Timer()

    main = MainProcess()
    step = signs_of(main)(Consumer())
    step.start(Consumer())
    ((seconds, call),) = Consumer.timer.calls
    assert seconds == 1.0
    main._memory[:8] = bytes(8)
    call()
    assert main.silence() < 5.0
    step.stop(Consumer())
    assert Consumer.timer.cancelled == 1


def test_the_first_child_uses_the_runner_of_the_main_process_and_the_next_one_ends_it(
    child: Child, sqlite_settings: Settings
) -> None:
    class PaperRunner:
        closed = 0

        def close(self) -> None:
            self.closed += 1

    for each in SIGNALS:
        each.receivers = []
    runner = PaperRunner()
    Child(sqlite_settings, runner)
    start(child)
    assert [made.runner for made in PaperSupervisor.made] == [runner]
    assert runner.closed == 0
    start(child)  # the first one was killed, and its runner has another parent
    assert [made.runner for made in PaperSupervisor.made] == [runner, None]
    assert runner.closed == 1
