"""Upkeep's side of its writer: it asks for models, one at a time, and can do without."""

from __future__ import annotations

import json
import logging
import os
import signal
import socket
import subprocess
import tempfile
import threading
from collections.abc import Mapping, Sequence
from typing import IO

from services.forking import ForkedProcess, can_fork
from services.model_export.writer import serve

MAX_BEGIN_SECONDS = 30.0  # from a request to its fork; the first one imports what writes models
log = logging.getLogger(__name__)


class ModelWriter:
    """A process that forks the program which writes a model, so that nothing need be imported for it.

    Where it cannot serve, `run` returns None and the program is to be executed instead.
    """

    def __init__(self, process: ForkedProcess, connection: socket.socket) -> None:
        self.pid = process.pid
        self._process = process
        self._connection = connection
        self._replies = connection.makefile("rb")
        self._one_at_a_time = threading.Lock()
        self._ended = False

    def run(
        self, argv: Sequence[str], environment: Mapping[str, str], given: str, seconds: float
    ) -> subprocess.CompletedProcess[str] | None:
        """Run a program with the text `given` as its stdin, as `subprocess.run` does with an executed one.

        Raises `subprocess.TimeoutExpired` if it takes longer, and then ends the writer with it; None if the
        writer has ended, or ends meanwhile.
        """
        with (
            self._one_at_a_time,
            tempfile.TemporaryFile() as stdin,
            tempfile.TemporaryFile() as output,
            tempfile.TemporaryFile() as errors,
        ):
            stdin.write(given.encode())
            stdin.seek(0)
            code = None
            if self._begins((stdin, output, errors), argv, environment):
                code = self._code(argv, seconds)
            if code is None:
                return None
            return subprocess.CompletedProcess(list(argv), code, _text(output), _text(errors))

    def close(self) -> None:
        """End it, and a program with it."""
        self._ended = True
        self._replies.close()
        self._connection.close()
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def _begins(
        self, streams: Sequence[IO[bytes]], argv: Sequence[str], environment: Mapping[str, str]
    ) -> bool:
        """Ask for the program; returns whether it has begun."""
        if self._ended:
            return False
        request = json.dumps({"argv": list(argv), "environment": dict(environment)})
        try:
            self._connection.settimeout(MAX_BEGIN_SECONDS)
            socket.send_fds(self._connection, [b"r"], [stream.fileno() for stream in streams])
            self._connection.sendall(request.encode() + b"\n")
            self._number()
        except OSError as error:
            self._give_up(error)
            return False
        return True

    def _code(self, argv: Sequence[str], seconds: float) -> int | None:
        """Wait for the program's exit code; None if the writer ends first."""
        try:
            self._connection.settimeout(seconds)
            return self._number()
        except TimeoutError:
            self.close()
            raise subprocess.TimeoutExpired(list(argv), seconds) from None
        except OSError as error:
            self._give_up(error)
            return None

    def _number(self) -> int:
        line = self._replies.readline()
        if not line:
            raise ConnectionError("it has ended")
        return int(line)

    def _give_up(self, error: OSError) -> None:
        self.close()
        log.warning("no answer from the writer of models (%s): they are written without it", error)


def start() -> ModelWriter | None:
    """Fork a writer from this process; None where `can_fork` does not hold.

    Call it from the main thread, before this process has descriptors, handlers or logs of its own.
    """
    if not can_fork():
        return None
    ours, theirs = socket.socketpair()
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        serve(theirs, parent)
    theirs.close()
    return ModelWriter(ForkedProcess(pid), ours)


def _text(stream: IO[bytes]) -> str:
    stream.seek(0)
    return stream.read().decode(errors="replace")
