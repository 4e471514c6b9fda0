"""services/forking.py: a fork beside the same program executed, and waiting for one by its number."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from services.forking import ForkedProcess, can_fork, fork_session

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks are for Linux")

# What a program can see of how it was started.
LOOK = """
import gc, json, os, random, signal, sys, threading

def look():
    print(json.dumps({
        "environment": dict(os.environ),
        "folder": os.getcwd(),
        "descriptors": {name: os.readlink(f"/proc/self/fd/{name}") for name in os.listdir("/proc/self/fd")
                        if os.path.exists(f"/proc/self/fd/{name}")},
        "leads": [os.getsid(0) == os.getpid(), os.getpgrp() == os.getpid()],
        "blocked": sorted(map(str, signal.pthread_sigmask(signal.SIG_BLOCK, ()))),
        "handlers": [str(signal.getsignal(n)) for n in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)],
        "collects": gc.isenabled(),
        "command": open("/proc/self/cmdline").read().rstrip(chr(0)).split(chr(0)),
        "threads": threading.active_count(),
    }), flush=True)
"""
# Its parent has other descriptors, another environment, and a long command line.
PARENT = (
    LOOK
    + """
import subprocess
from services.forking import become, fork_session
how, log = sys.argv[1:3]
argv = [sys.executable, "-P", "-c", "look"]
environment = {"LC_ALL": "C.UTF-8", "PYTHONPATH": os.environ["PYTHONPATH"], "ONLY": "this"}
output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
more = os.open("/dev/zero", os.O_RDONLY)
gc.disable()
if how == "executed":
    argv = [sys.executable, "-P", "-c", open(sys.argv[3]).read() + "look()"]
    subprocess.run(argv, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                   start_new_session=True, check=True)
elif pid := fork_session():
    assert os.getsid(pid) == pid, "the session is there before the parent goes on"
    os.waitpid(pid, 0)
else:
    become(argv, environment, output)
    look()
"""
)


def seen(how: str, folder: Path) -> dict[str, Any]:
    """What a program sees that was started one way or the other."""
    (folder / "look.py").write_text(LOOK)
    log = folder / f"{how}.log"
    command = [sys.executable, "-P", "-c", PARENT, how, str(log), str(folder / "look.py"), "-" * 300]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "ANOTHER": "that"}
    subprocess.run(command, cwd=folder, env=environment, check=True)
    found: dict[str, Any] = json.loads(log.read_text())
    found["descriptors"] = {
        name: target.replace(how, "") for name, target in found["descriptors"].items() if int(name) < 3
    } | {"more": [target for name, target in found["descriptors"].items() if target == "/dev/zero"]}
    return found


def test_a_fork_sees_what_the_same_program_would_if_it_were_executed(tmp_path: Path) -> None:
    forked, executed = seen("forked", tmp_path), seen("executed", tmp_path)
    assert forked["command"] == [sys.executable, "-P", "-c", "look"]
    assert executed["command"][:3] == forked["command"][:3]
    del forked["command"], executed["command"]
    assert forked == executed
    assert forked["environment"] == {**forked["environment"], "ONLY": "this"}
    assert "ANOTHER" not in forked["environment"]
    assert forked["collects"]
    assert forked["leads"] == [True, True]


def test_two_forks_draw_different_numbers() -> None:
    program = (
        "import os, numpy\n"
        "from services.forking import become, fork_session\n"
        "numpy.random.seed(7)\n"
        "for _ in range(2):\n"
        "    if fork_session() == 0:\n"
        "        become(['x'], {}, 1)\n"
        "        print(numpy.random.random(), flush=True)\n"
        "        os._exit(0)\n"
        "    os.wait()\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert len(set(done.stdout.split())) == 2


def test_a_command_line_without_room_is_cut() -> None:
    program = (
        "from services.forking import show_command_line\n"
        "show_command_line(['name', 'x' * 10_000])\n"
        "print(open('/proc/self/cmdline').read().split(chr(0))[:2])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("['name', 'xxx")


def start(code: str) -> ForkedProcess:
    """Fork a process that runs Python code with nothing of this one."""
    pid = fork_session()
    if pid == 0:
        os.execv(sys.executable, [sys.executable, "-c", code])
    return ForkedProcess(pid)


def test_an_exit_code_is_read_once_and_kept() -> None:
    process = start("raise SystemExit(3)")
    assert process.wait(20) == 3
    assert (process.poll(), process.returncode, process.wait(0)) == (3, 3, 3)
    process.send_signal(signal.SIGKILL)  # its number may be another's by now


def test_a_signal_ends_it_and_is_its_code() -> None:
    process = start("import time; time.sleep(60)")
    assert process.poll() is None
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not psutil.pid_exists(process.pid)


def test_where_the_kernel_collects_children_the_end_is_seen_all_the_same() -> None:
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        process = start("")
        assert process.wait(20) == 0
    finally:
        signal.signal(signal.SIGCHLD, before)


def test_threads_are_counted() -> None:
    program = (
        "import threading\n"
        "from services.forking import has_one_thread\n"
        "print(has_one_thread())\n"
        "wait = threading.Event()\n"
        "thread = threading.Thread(target=wait.wait)\n"
        "thread.start()\n"
        "print(has_one_thread())\n"
        "wait.set()\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "False"]


def test_a_process_without_torch_or_with_threads_does_not_fork(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.forking.has_one_thread", lambda: True)
    monkeypatch.setitem(sys.modules, "torch", None)
    assert can_fork()
    monkeypatch.setattr("services.forking.has_one_thread", lambda: False)
    assert not can_fork()
    monkeypatch.setattr("services.forking.has_one_thread", lambda: True)
    monkeypatch.delitem(sys.modules, "torch")
    assert not can_fork()


@pytest.mark.parametrize("apart", [False, True])
def test_a_fork_reads_and_prints_what_it_is_given(tmp_path: Path, apart: bool) -> None:
    program = (
        "import os, sys\n"
        "from services.forking import become, fork_session\n"
        "if fork_session() == 0:\n"
        "    files = [os.open(name, os.O_RDWR | os.O_CREAT) for name in ('given', 'output', 'errors')]\n"
        "    more = {'given': files[0], 'errors': files[2]} if sys.argv[1] == 'True' else {}\n"
        "    become(['x'], {}, files[1], **more)\n"
        "    sys.stdout.write(f'{sys.stdin.read()} {os.listdir(\"/proc/self/fd\")}')\n"
        "    sys.stdout.flush()\n"
        "    sys.stderr.write(' an error')\n"
        "    sys.stderr.flush()\n"
        "    os._exit(0)\n"
        "os.wait()\n"
    )
    (tmp_path / "given").write_text("a text")
    command = [sys.executable, "-c", program, str(apart)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    subprocess.run(command, cwd=tmp_path, env=environment, check=True)
    output, errors = ((tmp_path / name).read_text() for name in ("output", "errors"))
    descriptors = "['0', '1', '2', '3']"  # the last one is the listing's own
    assert output == (f"a text {descriptors}" if apart else f" {descriptors} an error")
    assert errors == (" an error" if apart else "")
