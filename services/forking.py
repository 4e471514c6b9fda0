"""Forked processes: one is made what exec would have made of it, and its parent waits for it by its number.

For Linux alone. A fork keeps what its parent has imported; nothing else may be seen of where it came from.
"""

from __future__ import annotations

import ctypes
import gc
import os
import select
import subprocess
import sys
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

HEAVY = "torch"  # what takes most of the time of a start that needs it
TASKS, DESCRIPTORS = Path("/proc/self/task"), Path("/proc/self/fd")
STAT = Path("/proc/self/stat")
ARG_START, ARG_END = 45, 46  # in it, counted after the program's name


class ForkedProcess:
    """A child of this process that was forked: as much of `subprocess.Popen` as its owners use."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None  # negative: the signal that killed it

    def poll(self) -> int | None:
        """Return the exit code, or None while it runs."""
        if self.returncode is None:
            try:
                pid, status = os.waitpid(self.pid, os.WNOHANG)
            except ChildProcessError:  # the kernel collects children where SIGCHLD is ignored
                self.returncode = 0
            else:
                self.returncode = os.waitstatus_to_exitcode(status) if pid else None
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the exit and return its code; `subprocess.TimeoutExpired` after so many seconds."""
        if self.poll() is None:
            descriptor = os.pidfd_open(self.pid)
            try:
                ended, _, _ = select.select([descriptor], [], [], timeout)
            finally:
                os.close(descriptor)
            if not ended:
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 0.0)
        code = self.poll()
        assert code is not None
        return code

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)


def has_one_thread() -> bool:
    """Whether this process has one thread, as it must have to fork: the others' locks would stay locked."""
    return len(os.listdir(TASKS)) == 1


def can_fork() -> bool:
    """Whether this process can fork one that needs torch: it has it, from the template of a stack."""
    return HEAVY in sys.modules and has_one_thread()


def fork_session() -> int:
    """Fork, with a session of the child's own; as `os.fork` returns, but when the session is there."""
    begun, begun_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.setsid()
        os.close(begun)
    os.close(begun_end)
    if pid:
        os.read(begun, 1)  # the end of the pipe
        os.close(begun)
    return pid


def become(
    argv: Sequence[str],
    environment: Mapping[str, str],
    output: int,
    kept: Collection[int] = (),
    *,
    given: int | None = None,
    errors: int | None = None,
) -> None:
    """Make of this fork what exec would have made of it.

    `argv` is the command line, `output` the descriptor that it prints to, with its errors unless `errors` is
    where these go; it reads `given`, or nothing. Of all other descriptors those in `kept` stay open. Its
    handlers and its mask of signals are its parent's.
    """
    if given is None:
        given = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((given, 0), (output, 1), (output if errors is None else errors, 2)):
        os.dup2(source, target)
    for name in os.listdir(DESCRIPTORS):
        if int(name) > 2 and int(name) not in kept:
            os.closerange(int(name), int(name) + 1)  # without an error for the listing's own
    os.environ.clear()
    os.environ.update(environment)
    show_command_line(argv)
    if numbers := sys.modules.get("numpy.random"):
        numbers.seed()  # Python's own generator is seeded at every fork
    gc.enable()


def show_command_line(argv: Sequence[str]) -> None:
    """Have lists of processes show this command line, as far as that of the start had room for it.

    The kernel reads it from where it put the first one (proc(5), `arg_start`), so it is written over that.
    """
    words = STAT.read_bytes().rpartition(b")")[2].split()
    start, room = int(words[ARG_START]), int(words[ARG_END]) - int(words[ARG_START])
    text = b"\0".join(map(os.fsencode, argv))[: room - 1]
    if start:
        ctypes.memmove(start, text.ljust(room, b"\0"), room)
