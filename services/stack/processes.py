"""Child processes that end with their parent, write a log, and are killed as a whole group."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from services.forking import ForkedProcess
from services.host import end_with_parent


@dataclass(frozen=True)
class ProcessSpec:
    """A process to run. Processes of a lower tier start first and stop last."""

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    tier: int
    stop_seconds: float = 10.0  # between the request to stop and the kill
    forks: bool = False  # whether its first process is a fork of the template, which `argv` suits then


class Child:
    """A started process, in a session of its own so that the terminal's Ctrl-C reaches only the parent."""

    def __init__(
        self, spec: ProcessSpec, log: Path, process: subprocess.Popen[bytes] | ForkedProcess
    ) -> None:
        self.spec = spec
        self.log = log
        self._started = time.monotonic()
        self._process = process
        self.pid = process.pid

    def exit_code(self) -> int | None:
        """The exit code, or None while it runs; negative: the signal that killed it."""
        return self._process.poll()

    def age(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._started

    def terminate(self) -> None:
        """Send SIGTERM to the child alone, which ends its own children."""
        if self.exit_code() is None:
            self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Kill the whole process group, including what a child that has exited left behind."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()

    def wait(self, seconds: float) -> bool:
        """Wait up to so many seconds for the exit; returns whether it has exited."""
        try:
            self._process.wait(max(seconds, 0))
        except subprocess.TimeoutExpired:
            return False
        return True

    def last_log_line(self) -> str:
        """The last line of the log that is not empty, or empty."""
        try:
            lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        except FileNotFoundError:
            return ""
        return next((line.strip() for line in reversed(lines) if line.strip()), "")


def execute(spec: ProcessSpec, log: Path, folder: Path) -> Child:
    """Start a process in a folder."""
    parent = os.getpid()
    with log.open("ab") as output:
        process = subprocess.Popen(
            spec.argv,
            env=dict(spec.env),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=lambda: end_with_parent(parent, signal.SIGTERM),
        )
    return Child(spec, log, process)


def describe_exit(code: int) -> str:
    """An exit code as text: `killed by SIGKILL`, `exit code 1`."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"
