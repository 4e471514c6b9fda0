"""Two ways in which a runner starts: executed, or forked from a process that has imported what it needs."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module

from services.forking import ForkedProcess, become, fork_session
from services.training_environment import keep_blocks

MODULE = "workers.runner"


def execute(
    words: Sequence[str], environment: Mapping[str, str], output: int, kept: Sequence[int]
) -> subprocess.Popen[bytes]:
    """Start a runner with an interpreter of its own; it prints to `output` and inherits the pipes `kept`."""
    with _sigterm_blocked():
        return subprocess.Popen(
            command_line(words),
            pass_fds=kept,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=dict(environment),
        )


def fork(
    words: Sequence[str], environment: Mapping[str, str], output: int, kept: Sequence[int]
) -> ForkedProcess:
    """Fork a runner, for which `forking.can_fork` must hold.

    In it, this ends with `SystemExit` when the runner does. So no frame above may catch that, or have
    something to finish.
    """
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    pid = fork_session()
    if pid:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        return ForkedProcess(pid)
    become(command_line(words), environment, output, kept)
    keep_blocks()
    sys.argv = [MODULE, *words]
    sys.exit(import_module(MODULE).main())


def command_line(words: Sequence[str]) -> list[str]:
    """The command line of a runner; with -P no module comes from the folder of the worker."""
    return [sys.executable, "-P", "-m", MODULE, *words]


@contextmanager
def _sigterm_blocked() -> Iterator[None]:
    """Block SIGTERM in what starts meanwhile.

    One that reaches every process of a worker at once must leave its runner alive, so that it can save when
    it is asked to stop.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
