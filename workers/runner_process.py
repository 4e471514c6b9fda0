"""The runner as a process: started, watched and killed as a group, and never left behind.

Linux does both deaths exactly (prctl, pidfd). Elsewhere a runner notices at its next message that its
supervisor is gone; that path is untested.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress

from workers.wire import Message, Wire

PR_SET_PDEATHSIG = 1


def die_with_parent(parent: int) -> None:
    """Have the kernel kill this process when `parent` dies; at once, if it already has."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


class Runner:
    """A child that trains, in a process group of its own.

    Start it from a thread that lives as long as the supervisor does: the kernel counts the death of the
    starting thread as the parent's.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        to_child, from_parent = os.pipe()
        to_parent, from_child = os.pipe()
        output, self._output_end = os.pipe()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "workers.runner", str(os.getpid()), str(to_child), str(from_child)],
            pass_fds=(to_child, from_child),
            stdin=subprocess.DEVNULL,
            stdout=self._output_end,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=dict(environment),
        )
        for descriptor in (to_child, from_child, self._output_end):
            os.close(descriptor)
        os.set_blocking(output, False)
        self.output = output
        self.wire = Wire(to_parent, from_parent)
        self.pid = self._process.pid
        self.machine: Message = {}  # what it said of the machine once it was ready
        self.pidfd = os.pidfd_open(self.pid) if sys.platform == "linux" else None

    def alive(self) -> bool:
        """Whether the process has not ended."""
        return self._process.poll() is None

    def ended_by(self) -> str:
        """How it ended, in words."""
        code = self._process.wait()
        return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"

    def kill(self) -> None:
        """End the whole group at once and collect it."""
        if self._process.returncode is None:  # not collected yet, so the number is still its own
            with suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()

    def close(self) -> None:
        """Kill, and close every descriptor."""
        self.kill()
        self.wire.close()
        os.close(self.output)
        if self.pidfd is not None:
            os.close(self.pidfd)
