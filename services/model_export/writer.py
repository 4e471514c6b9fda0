"""The writer: a process that has imported what writes models, and forks one for each of them.

It serves one connection. A request is a byte with the program's three streams as descriptors (stdin, stdout,
stderr), then a line of JSON with its command line and environment. Two lines answer: the number of the fork,
and its exit code, negative for the signal that killed it. At any error the writer ends: models are then
written by executed processes.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import socket
import sys
import traceback
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import NoReturn

from services.forking import become, fork_session, has_one_thread
from services.host import end_with_parent

MODULE = "services.model_export.writer"
COMMAND_LINE = (sys.executable, "-P", "-m", MODULE)  # that lists of processes show
PROGRAM_INDEX = 3  # of a command line: after the interpreter, -P and -m
STREAMS = 3


def serve(connection: socket.socket, parent: int) -> NoReturn:
    """Serve until the other side closes, or process `parent` ends.

    For a fork, which keeps only the connection and its parent's stderr.
    """
    code = 1
    try:
        end_with_parent(parent, signal.SIGTERM)
        nowhere = os.open(os.devnull, os.O_WRONLY)
        become(COMMAND_LINE, dict(os.environ), nowhere, (connection.fileno(),), errors=2)
        gc.disable()  # a collection would write to pages that are shared
        with connection.makefile("rb") as lines:
            while streams := socket.recv_fds(connection, 1, STREAMS)[1]:
                request = json.loads(lines.readline())
                _write(connection, streams, request["argv"], request["environment"])
        code = 0
    except BaseException:
        traceback.print_exc()
    os._exit(code)


def _write(
    connection: socket.socket, streams: Sequence[int], argv: Sequence[str], environment: Mapping[str, str]
) -> None:
    """Fork the program, and answer when it has begun and when it has ended."""
    import_module(argv[PROGRAM_INDEX])  # here, so that the next fork has it
    if not has_one_thread():
        raise RuntimeError("an import has started a thread, which a fork would not have")
    gc.freeze()
    parent = os.getpid()
    pid = fork_session()
    if pid == 0:
        run(streams, argv, environment, parent)
    for descriptor in streams:
        os.close(descriptor)
    connection.sendall(b"%d\n" % pid)
    connection.sendall(b"%d\n" % os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))


def run(streams: Sequence[int], argv: Sequence[str], environment: Mapping[str, str], parent: int) -> NoReturn:
    """Be the program in this fork: its module's `main`, with an exit code as if it had been executed.

    It ends without the interpreter's own end, which would take apart all that was imported.
    """
    code = 1
    try:
        end_with_parent(parent, signal.SIGKILL)
        given, output, errors = streams
        become(argv, environment, output, given=given, errors=errors)
        sys.argv = list(argv[PROGRAM_INDEX:])
        import_module(argv[PROGRAM_INDEX]).main()
        code = 0
    except SystemExit as end:
        code = _exit_code(end)
    except BaseException:
        traceback.print_exc()
    finally:
        for stream in sys.__stdout__, sys.__stderr__:
            if stream is not None:
                stream.flush()
        os._exit(code)


def _exit_code(end: SystemExit) -> int:
    """The exit code that the interpreter has for it, after it has printed what is no number."""
    if end.code is None or isinstance(end.code, int):
        return end.code or 0
    sys.stderr.write(f"{end.code}\n")
    return 1
