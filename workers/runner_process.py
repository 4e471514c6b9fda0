"""The runner as a process: started, watched and killed as a group, and never left behind.

On Linux the kernel ends a runner with its supervisor (prctl) and reports a runner's end (pidfd). Elsewhere
a runner notices at its next message that its supervisor is gone; that path is untested.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress

from workers.messages import Machine
from workers.wire import Wire

MODULE = "workers.runner"
READ_BYTES = 65536
MAX_END_SECONDS = 5.0  # between a runner's last sign or its kill and its end
log = logging.getLogger(__name__)


class RunnerProcess:
    """A child that trains, in a process group of its own.

    Start it from a thread that lives as long as the supervisor does: the kernel counts the death of the
    starting thread as the parent's.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        to_child, from_parent = os.pipe()
        to_parent, from_child = os.pipe()
        output, output_end = os.pipe()
        # A runner inherits that SIGTERM is blocked: one that reaches every process of a worker at once must
        # leave it alive, so that it can save when it is asked to stop.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-m", MODULE, str(os.getpid()), str(to_child), str(from_child)],
                pass_fds=(to_child, from_child),
                stdin=subprocess.DEVNULL,
                stdout=output_end,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env=dict(environment),
            )
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        for descriptor in (to_child, from_child, output_end):
            os.close(descriptor)
        os.set_blocking(output, False)
        self.output = output
        self.wire = Wire(to_parent, from_parent)
        self.pid = self._process.pid
        self.machine: Machine | None = None  # known once the runner is ready
        self._killed = False
        self.pidfd = os.pidfd_open(self.pid) if sys.platform == "linux" else None

    def mark_ready(self, machine: Machine) -> None:
        """Note that the runner is ready, and on what it trains."""
        self.machine = machine

    def alive(self) -> bool:
        """Whether the process has neither ended nor been killed."""
        return not self._killed and self._process.poll() is None

    def read_output(self) -> bytes:
        """Return a piece of what it has printed since the last call; empty when that was all."""
        try:
            return os.read(self.output, READ_BYTES)
        except BlockingIOError:
            return b""

    def describe_exit(self) -> str:
        """Describe its end: `signal SIGKILL`, `exit code 1`. One that has only closed its pipes is killed."""
        try:
            code = self._process.wait(MAX_END_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            return "closed pipes, and was killed"
        return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"

    def kill(self) -> None:
        """End the whole group at once and collect it, unless the kernel cannot end it now."""
        self._killed = True
        if self._process.returncode is None:  # not collected yet, so the number is still its own
            with suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
        try:
            self._process.wait(MAX_END_SECONDS)
        except subprocess.TimeoutExpired:  # it waits for a disk or a driver
            log.error("runner %d does not end though it was killed; training goes on without it", self.pid)

    def close(self) -> None:
        """Kill, and close every descriptor."""
        self.kill()
        self.wire.close()
        os.close(self.output)
        if self.pidfd is not None:
            os.close(self.pidfd)
