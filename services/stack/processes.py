"""Child processes that die with their parent, write a log, and end as a whole group."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from services.host import end_with_parent


@dataclass(frozen=True)
class Command:
    """What to run, and in which tier: lower tiers start first and stop last."""

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    tier: int
    patience: float = 10.0  # seconds between the request to stop and the kill


class Child:
    """One running command, in a session of its own so that the terminal's Ctrl-C reaches the parent alone."""

    def __init__(self, command: Command, log: Path, folder: Path) -> None:
        self.command = command
        self.log = log
        self.since = time.monotonic()
        parent = os.getpid()
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                command.argv,
                env=dict(command.env),
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=lambda: end_with_parent(parent, signal.SIGTERM),
            )
        self.pid = self._process.pid

    def ended(self) -> int | None:
        """The exit code once it has ended; negative: the signal that killed it."""
        return self._process.poll()

    def age(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.since

    def ask_to_stop(self) -> None:
        """Send SIGTERM to the child itself, which knows how to end its own children."""
        if self.ended() is None:
            self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End the whole group now; also removes what an ended child left in it."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()

    def wait(self, seconds: float) -> bool:
        """Wait for the end; says whether it came."""
        try:
            self._process.wait(max(seconds, 0))
        except subprocess.TimeoutExpired:
            return False
        return True

    def last_words(self) -> str:
        """The log's last line that is not empty."""
        try:
            lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        except FileNotFoundError:
            return ""
        return next((line.strip() for line in reversed(lines) if line.strip()), "")


def in_words(code: int) -> str:
    """An exit code as people say it: `killed by SIGKILL`, `exit code 1`."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"
