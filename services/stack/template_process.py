"""The stack's side of its template: it asks for processes, which are its own children, and can do without."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from services.forking import ForkedProcess
from services.host import LIBC

MODULE = "services.stack.template"
PR_SET_CHILD_SUBREAPER = 36
MAX_FORK_SECONDS = 60.0  # for imports and a fork; a slow machine takes long to import torch
POLL_SECONDS = 0.1


class Template:
    """A process that imports what others need, and forks them; for a `with` block, in which they start.

    `environment` and `folder` are theirs as well; `room` is the length of the longest command line of theirs.
    Where it cannot serve, `fork` returns None and the process is to be executed instead: on another system
    than Linux, after an import that failed, after its end.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        log: Path,
        folder: Path,
        room: int,
        gives_up: Callable[[], bool] = lambda: False,
    ) -> None:
        self._gives_up = gives_up
        self._process: subprocess.Popen[bytes] | None = None
        if sys.platform != "linux":
            return
        _adopt_orphans(True)
        requests, self._requests = os.pipe()
        self._replies, replies = os.pipe()
        gate, self._gate = os.pipe()
        given = (requests, replies, gate)
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", MODULE, *map(str, given), str(os.getpid()), "-" * room],
                env=dict(environment),
                cwd=folder,
                pass_fds=given,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        for descriptor in given:
            os.close(descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def load(self, modules: Sequence[str]) -> None:
        """Have it import modules, without waiting for that."""
        self._request({"modules": list(modules)})

    def fork(self, argv: Sequence[str], env: Mapping[str, str], log: Path) -> ForkedProcess | None:
        """Have it fork a process that runs a Python module; None if it cannot."""
        self._request({"argv": list(argv), "env": dict(env), "log": str(log)})
        number = self._reply()
        if not number:
            self.close()
            return None
        os.write(self._gate, b"g")
        return ForkedProcess(int(number))

    def close(self) -> None:
        """End it. What it has forked goes on; a fork that was not taken over ends with it."""
        if self._process is None:
            return
        for descriptor in (self._requests, self._replies, self._gate):
            os.close(descriptor)
        self._process.kill()
        self._process.wait()
        self._process = None
        _adopt_orphans(False)

    def _request(self, request: Mapping[str, object]) -> None:
        line = json.dumps(request).encode() + b"\n"
        try:
            while self._process is not None and line:
                line = line[os.write(self._requests, line) :]
        except BrokenPipeError:
            self.close()

    def _reply(self) -> bytes:
        """Return its next reply; empty if it has ended, takes too long, or is not to be waited for."""
        end = time.monotonic() + MAX_FORK_SECONDS
        while self._process is not None and time.monotonic() < end and not self._gives_up():
            if select.select([self._replies], [], [], POLL_SECONDS)[0]:
                return os.read(self._replies, 32)
        return b""


def _adopt_orphans(whether: bool) -> None:
    """Be the parent of all processes below this one whose own parent ends."""
    assert LIBC is not None
    LIBC.prctl(PR_SET_CHILD_SUBREAPER, int(whether), 0, 0, 0)
