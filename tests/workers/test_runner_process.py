"""workers/runner_process.py with real processes that run a short script instead of a training."""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from workers import runner_process as module
from workers.messages import Machine, RunnerReady, Stop
from workers.runner_process import RunnerProcess

READY = r"""
import os, sys
parent, read_fd, write_fd = map(int, sys.argv[1:])
assert parent == os.getppid()
machine = b'{"kind":"k","torch":"t","threads":1,"kernels":"torch"}'
os.write(write_fd, b'{"type":"RunnerReady","machine":' + machine + b'}\n')
"""
Start = Callable[..., RunnerProcess]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a runner process whose `workers.runner` is this script."""
    (tmp_path / "workers").mkdir()
    (tmp_path / "workers" / "__init__.py").touch()
    started: list[RunnerProcess] = []

    def run(script: str, **environment: str) -> RunnerProcess:
        (tmp_path / "workers" / "runner.py").write_text(script)
        started.append(RunnerProcess({**os.environ, "PYTHONPATH": str(tmp_path), **environment}))
        return started[-1]

    yield run
    for process in started:
        process.close()


def wait_for_end(process: RunnerProcess) -> None:
    assert process.pidfd is not None
    assert select.select([process.pidfd], [], [], 10)[0], "the process did not end"


def test_a_runner_talks_over_the_wire_and_prints(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    script = READY + "print(os.environ['TRIED'], os.read(read_fd, 100).decode(), flush=True)"
    process = start(script, TRIED="yes")
    assert process.machine is None
    ready = process.wire.receive()
    assert isinstance(ready, RunnerReady)
    assert ready == RunnerReady(Machine("k", "t", 1, "torch"))
    process.mark_ready(ready)
    assert (process.machine, process.unusable) == (Machine("k", "t", 1, "torch"), "")
    assert caplog.text == ""
    process.mark_ready(replace(ready, no_kernels="no compiler", unusable="a CPU build"))
    assert process.unusable == "a CPU build"
    assert "no compiled kernels: no compiler" in caplog.text
    assert process.read_output() == b""
    process.wire.send(Stop("p"))
    wait_for_end(process)
    assert process.read_output() == b'yes {"type":"Stop","pack":"p"}\n\n'
    assert process.wire.receive() is None


def test_nothing_is_imported_from_where_the_worker_was_started(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "user").mkdir()
    (tmp_path / "user" / "workers.py").write_text("raise SystemExit('a file of the user')")
    monkeypatch.chdir(tmp_path / "user")
    assert start(READY).wire.receive() == RunnerReady(Machine("k", "t", 1, "torch"))


def test_an_end_is_described(start: Start) -> None:
    process = start("import sys; sys.exit('why')")
    assert process.describe_exit() == "exit code 1"
    assert not process.alive()
    assert process.read_output() == b"why\n"
    killed = start("import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    assert killed.describe_exit() == "signal SIGKILL"


def test_a_kill_ends_what_the_runner_has_started_too(start: Start) -> None:
    script = READY + "import subprocess; print(subprocess.Popen(['sleep', '60']).pid, flush=True)\n"
    process = start(script + "os.read(read_fd, 1)")
    assert select.select([process.output], [], [], 10)[0]
    below = psutil.Process(int(process.read_output()))
    assert process.alive()
    process.kill()
    assert not process.alive()
    _, alive = psutil.wait_procs([below], timeout=10)
    assert [p for p in alive if p.status() != psutil.STATUS_ZOMBIE] == []
    process.kill()  # again does nothing


def test_a_closed_one_leaves_no_descriptor_open(start: Start) -> None:
    before = set(os.listdir("/proc/self/fd"))
    process = RunnerProcess(os.environ)
    process.close()
    assert set(os.listdir("/proc/self/fd")) == before


def test_a_signal_to_end_that_reaches_every_process_leaves_the_runner_alive(start: Start) -> None:
    process = start(READY + "print('went on after', os.read(read_fd, 100).decode(), flush=True)")
    os.kill(process.pid, signal.SIGTERM)  # from its first moment on
    process.wire.receive()
    os.kill(process.pid, signal.SIGTERM)
    process.wire.send(Stop("p"))
    wait_for_end(process)
    assert process.read_output().startswith(b"went on after")
    assert signal.SIGTERM not in signal.pthread_sigmask(signal.SIG_BLOCK, ())


def test_one_that_closes_its_pipes_and_lives_on_is_killed(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_END_SECONDS", 0.5)
    process = start("import os, sys, time; os.close(int(sys.argv[3])); time.sleep(60)")
    assert process.wire.receive() is None
    assert process.describe_exit() == "closed pipes, and was killed"
    assert not process.alive()


def test_a_kill_does_not_wait_for_one_that_the_kernel_cannot_end(
    start: Start, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    process = start("import time; time.sleep(60)")
    monkeypatch.setattr(module, "MAX_END_SECONDS", 0.1)
    monkeypatch.setattr(module.os, "killpg", lambda *_: None)
    process.kill()
    assert not process.alive()  # the next pack gets another one
    assert f"runner {process.pid} does not end though it was killed" in caplog.text
    monkeypatch.undo()


def test_one_that_has_ended_can_be_given_a_device(start: Start) -> None:
    process = start("")
    wait_for_end(process)
    process.use("GPU-a")
    assert not process.alive()


def seen_by_a_child(process: RunnerProcess, look: Callable[[RunnerProcess], object]) -> str:
    """What a fork of this process, like Celery's child, sees of a runner that this process has started."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(write, repr(look(process)).encode())
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    os.close(write)
    with os.fdopen(read) as seen:
        return seen.read()


def test_a_child_uses_a_runner_that_its_parent_has_started(start: Start) -> None:
    process = start(READY + "print(os.read(read_fd, 100).decode(), end='', flush=True); os.read(read_fd, 1)")

    def use(runner: RunnerProcess) -> object:
        runner.use("GPU-a")
        alive = runner.alive(), runner.wire.receive()
        select.select([runner.output], [], [], 20)  # until it has printed what it got
        runner.kill()
        return alive, runner.alive()

    assert seen_by_a_child(process, use).startswith("((True, RunnerReady(machine=Machine(kind='k'")
    assert process.read_output() == b'{"type":"UseDevice","gpu":"GPU-a"}\n'
    wait_for_end(process)


@pytest.mark.parametrize(
    ("script", "end"),
    [
        ("import sys; sys.exit(3)", "exit code 3"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "signal SIGSEGV"),
    ],
)
def test_a_child_describes_the_end_of_a_runner_that_its_parent_has_started(
    start: Start, script: str, end: str
) -> None:
    process = start(script)
    seen = seen_by_a_child(process, lambda runner: (runner.describe_exit(), runner.alive()))
    assert seen == repr((end, False))
