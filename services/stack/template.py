"""The template of a stack's first processes: it imports once what they all need, and forks each of them.

    python -P -m services.stack.template REQUESTS REPLIES GATE STACK_PID

The first three are descriptors of pipes. A request is one line of JSON: the modules to import, or the process
to fork. A fork's number is the reply. It is the stack's own child, because what is between the two has ended
and the stack is the subreaper (prctl(2)); it waits at the gate until the stack has taken it over. At the end
of the requests the template ends, and so it does at any error: the stack then executes what is missing.
"""

from __future__ import annotations

import gc
import json
import os
import runpy
import signal
import sys
from importlib import import_module

from services.forking import become, fork_session, has_one_thread
from services.host import end_with_parent

FIRST_ARGUMENT = 4  # of a command line: after the interpreter, -P, -m and the module


def main() -> None:
    """Serve the stack until it closes the pipe; in a fork, run the module that it is for."""
    requests, replies, gate, stack = map(int, sys.argv[1:5])
    end_with_parent(stack, signal.SIGTERM)
    gc.disable()  # nearly all that an import makes stays
    with open(requests, "rb") as lines:
        for line in lines:
            request = json.loads(line)
            for name in request.get("modules", ()):
                import_module(name)
            if "argv" in request and fork(replies, gate, stack):
                break
        else:
            os._exit(0)  # at once: all else would be to tidy what nobody uses
    argv = request["argv"]
    become(argv, request["env"], os.open(request["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666))
    sys.argv[1:] = argv[FIRST_ARGUMENT:]
    runpy.run_module(argv[FIRST_ARGUMENT - 1], run_name="__main__", alter_sys=True)


def fork(replies: int, gate: int, stack: int) -> bool:
    """Fork a process, and reply with its number once it is the stack's child; returns whether this is it."""
    if not has_one_thread():
        raise RuntimeError("an import has started a thread, which a fork would not have")
    gc.freeze()  # a collection in a fork would write to the pages that it shares
    numbers, number_end = os.pipe()
    if os.fork() == 0:
        if pid := fork_session():
            os.write(number_end, b"%d\n" % pid)
            os._exit(0)
        if not os.read(gate, 1):
            os._exit(1)
        end_with_parent(stack, signal.SIGTERM)
        return True
    os.close(number_end)
    os.wait()
    os.write(replies, os.read(numbers, 32))
    os.close(numbers)
    return False


if __name__ == "__main__":
    main()
