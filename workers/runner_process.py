"""The runner as a process: started, watched and killed as a group, and never left behind.

On Linux the kernel ends a runner with the process that started it (prctl) and reports a runner's end (pidfd).
A worker's first runner is started by its main process and used by the child that this forks; the others are
started by the supervisor in that child, which has threads, so they are executed. Elsewhere than on Linux the
supervisor starts all of them, and a runner notices at its next message that its supervisor is gone; that path
is untested.
"""

from __future__ import annotations

import logging
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from services.forking import ForkedProcess
from workers import runner_start
from workers.messages import Machine, RunnerReady, UseDevice
from workers.wire import Wire

READ_BYTES = 65536
MAX_END_SECONDS = 5.0  # between a runner's last sign or its kill and its end
Start = Callable[
    [Sequence[str], Mapping[str, str], int, Sequence[int]], subprocess.Popen[bytes] | ForkedProcess
]
log = logging.getLogger(__name__)


class RunnerProcess:
    """A child that trains, in a process group of its own.

    Start it from a thread that lives as long as its process does: the kernel counts the death of the
    starting thread as the parent's.
    """

    def __init__(self, environment: Mapping[str, str], start: Start = runner_start.execute) -> None:
        to_child, from_parent = os.pipe()
        to_parent, from_child = os.pipe()
        output, output_end = os.pipe()
        words = (str(os.getpid()), str(to_child), str(from_child))
        self._process = start(words, environment, output_end, (to_child, from_child))
        for descriptor in (to_child, from_child, output_end):
            os.close(descriptor)
        os.set_blocking(output, False)
        self.output = output
        self.wire = Wire(to_parent, from_parent)
        self.pid = self._process.pid
        self._parent = os.getpid()
        self.machine: Machine | None = None  # known once the runner is ready
        self.unusable = ""  # why it cannot use its GPU
        self._killed = False
        self.pidfd = os.pidfd_open(self.pid) if sys.platform == "linux" else None

    def use(self, gpu: str) -> None:
        """Pass on which GPU it may see, empty if none; that it has ended meanwhile is noticed later."""
        with suppress(BrokenPipeError):
            self.wire.send(UseDevice(gpu))

    def mark_ready(self, ready: RunnerReady) -> None:
        """Note that the runner is ready, on what it trains, and what it lacks."""
        self.machine, self.unusable = ready.machine, ready.unusable
        if ready.no_kernels:
            log.warning("no compiled kernels: %s", ready.no_kernels)

    def alive(self) -> bool:
        """Whether the process has neither ended nor been killed."""
        return not self._killed and not self._ended(0)

    def read_output(self) -> bytes:
        """Return a piece of what it has printed since the last call; empty when that was all."""
        try:
            return os.read(self.output, READ_BYTES)
        except BlockingIOError:
            return b""

    def describe_exit(self) -> str:
        """Describe its end: `signal SIGKILL`, `exit code 1`. One that has only closed its pipes is killed."""
        if not self._ended(MAX_END_SECONDS):
            self.kill()
            return "closed pipes, and was killed"
        code = self._exit_code()
        return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"

    def kill(self) -> None:
        """End the whole group at once and collect it, unless the kernel cannot end it now."""
        self._killed = True
        if self._process.returncode is None:  # not collected yet, so the number is still its own
            with suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
        if not self._ended(MAX_END_SECONDS):  # it waits for a disk or a driver
            log.error("runner %d does not end though it was killed; training goes on without it", self.pid)

    def _ended(self, seconds: float) -> bool:
        """Whether the process ends within so many seconds; collected, where this process has started it."""
        if os.getpid() == self._parent:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(seconds)
            return self._process.returncode is not None
        assert self.pidfd is not None  # elsewhere than on Linux each process starts its own
        return bool(select.select([self.pidfd], [], [], seconds)[0])

    def _exit_code(self) -> int:
        """The exit code of a process that has ended; negative: the signal that killed it."""
        if self._process.returncode is not None:
            return self._process.returncode
        # The process that has started it never collects it, so its last line of status stays.
        status = Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii", errors="replace").split()[-1]
        return os.waitstatus_to_exitcode(int(status))

    def close(self) -> None:
        """Kill, and close every descriptor."""
        self.kill()
        self.wire.close()
        os.close(self.output)
        if self.pidfd is not None:
            os.close(self.pidfd)
