"""services/model_export/writer_process.py: models written by forks beside those of executed processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from services.model_export import writer_process

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks are for Linux")
SOURCES = Path(__file__).parents[3]

# What writes a model in these tests: it does what the title of its request says.
PROGRAM = """
import gc, json, os, signal, sys, time

FACTS = {"left_out": {}, "shape": [], "resized": False, "classes": 0, "class_names": [], "task": "",
         "digest": "", "licence": "", "parameters": 0, "probabilities": False, "program": False}

def answer(refused="", facts=None):
    print(json.dumps({**FACTS, "refused": refused, "torch": str(os.getppid()), "left_out": facts or {}}))

def main():
    request = json.load(sys.stdin)
    what = request["title"]
    if what == "fails":
        raise RuntimeError("no more memory")
    elif what == "exits":
        sys.exit("not like this")
    elif what == "exits with a code":
        sys.exit(3)
    elif what == "refuses":
        answer(refused="the layer has no plain form")
    elif what == "crashes":
        os.kill(os.getpid(), signal.SIGSEGV)
    elif what == "prints much":
        print(" " * 20_000_000)
        print("x" * 20_000_000 + "\\nthe end", file=sys.stderr)
        answer()
    elif what == "prints much and fails":
        print(" " * 20_000_000)
        raise RuntimeError("x" * 20_000_000)
    elif what == "hangs":
        open(os.path.join(sys.argv[1], "pid"), "w").write(str(os.getpid()))
        time.sleep(60)
    elif what == "own":
        import own
        answer(facts={"value": own.VALUE})
    else:
        names = [name for name in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{name}")]
        command = open("/proc/self/cmdline").read().rstrip(chr(0)).split(chr(0))
        print("one error", file=sys.stderr)
        answer(facts={
            "request": request,
            "argv": sys.argv[1:],
            "environment": dict(os.environ),
            "folder": os.getcwd(),
            "descriptors": sorted(names),
            "blocked": len(signal.pthread_sigmask(signal.SIG_BLOCK, ())),
            "handlers": [str(signal.getsignal(n)) for n in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD)],
            "collects": gc.isenabled(),
            "command": command,
        })

if __name__ == "__main__":
    main()
"""
ENDS_ITS_WRITER = "os.getppid() == int(os.environ['ENDS']) and os.kill(os.getppid(), signal.SIGKILL)"
# Upkeep, which has torch in memory, for a test to go on from.
BEGINNING = """
import json, logging, os, signal, sys, threading, time
import psutil
from pathlib import Path
from services.model_export import writer_process, writing
sys.modules["torch"] = None
secret = os.open("/dev/zero", os.O_RDONLY)
writer = writer_process.start()
signal.signal(signal.SIGTERM, lambda *_: None)
logging.basicConfig(format="%(message)s")
writing.PROGRAM = "program"
writing.ROOT = os.environ["MODULES"]
folder = Path(os.environ["MODULES"])

def write(what, writer=writer):
    try:
        return writing.write(folder / "weights", {}, what, folder, onnx=False, writer=writer)
    except writing.NotWritten as error:
        return str(error)

def by(written):
    return {str(writer.pid): "writer", str(os.getpid()): "executed"}.get(written.torch)

def lives(pid):
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie"

def wait(true):
    end = time.monotonic() + 20
    while not true() and time.monotonic() < end:
        time.sleep(0.01)
    return true()
"""


@pytest.fixture
def modules(tmp_path: Path) -> Path:
    (tmp_path / "program.py").write_text(PROGRAM)
    return tmp_path


def start(modules: Path, code: str) -> subprocess.Popen[str]:
    path = os.pathsep.join([str(modules), str(SOURCES)])
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    return subprocess.Popen(
        [sys.executable, "-P", "-c", BEGINNING + code, "-" * 300],
        cwd=modules,
        env={**buffered, "PYTHONPATH": path, "MODULES": str(modules)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def upkeep(modules: Path, code: str, errors: str = "") -> Any:
    """What upkeep prints as JSON, and nothing else but these lines in its log."""
    with start(modules, code) as process:
        output, log = process.communicate(timeout=60)
    assert (process.returncode, log) == (0, errors)
    return json.loads(output)


def test_a_forked_program_sees_what_an_executed_one_does(modules: Path) -> None:
    forked, executed, how = upkeep(
        modules,
        "found = [write('looks'), write('looks', None)]\n"
        "print(json.dumps([found[0].left_out, found[1].left_out, list(map(by, found))]))",
    )
    assert how == ["writer", "executed"]
    assert forked == executed
    assert forked["request"]["title"] == "looks"
    assert forked["argv"] == [str(modules)]
    assert forked["command"][1:] == ["-P", "-m", "program", str(modules)]
    assert forked["descriptors"] == ["0", "1", "2"]


def test_of_upkeep_s_descriptors_the_writer_has_its_log_and_the_socket(modules: Path) -> None:
    before, after, log, mask = upkeep(
        modules,
        "def held():\n"
        "    folder = f'/proc/{writer.pid}/fd'\n"
        "    return {name: os.readlink(f'{folder}/{name}') for name in sorted(os.listdir(folder))}\n"
        "wait(lambda: 'services.model_export.writer' in psutil.Process(writer.pid).cmdline())\n"
        "wait(lambda: len(held()) < 5)\n"
        "before = held()\n"
        "for _ in range(3): write('')\n"
        "status = Path(f'/proc/{writer.pid}/status').read_text().split()\n"
        "mask = [status[status.index(name) + 1] for name in ('SigBlk:', 'SigIgn:', 'Threads:')]\n"
        "print(json.dumps([before, held(), os.readlink('/proc/self/fd/2'), mask]))",
    )
    assert before == after
    (connection,) = [target for target in before.values() if target.startswith("socket:")]
    assert sorted(before.values()) == sorted(["/dev/null", "/dev/null", log, connection])
    blocked, ignored, threads = mask
    assert (int(blocked, 16), int(threads)) == (0, 1)
    assert int(ignored, 16) & (1 << signal.SIGTERM - 1 | 1 << signal.SIGCHLD - 1) == 0


@pytest.mark.parametrize(
    "what",
    ["fails", "exits", "exits with a code", "refuses", "crashes", "prints much and fails"],
)
def test_what_goes_wrong_in_a_fork_is_said_as_of_an_executed_program(modules: Path, what: str) -> None:
    forked, executed, after = upkeep(
        modules,
        f"print(json.dumps([write({what!r}), write({what!r}, None), by(write(''))]))",
    )
    assert forked == executed
    assert after == "writer", "it goes on"


def test_much_that_is_printed_is_read(modules: Path) -> None:
    assert (
        upkeep(modules, "print(json.dumps([by(write('prints much')) for _ in range(2)]))") == ["writer"] * 2
    )


def test_a_program_that_takes_too_long_is_ended_with_its_writer(modules: Path) -> None:
    message, lives, after = upkeep(
        modules,
        "writing.MAX_SECONDS = 1\n"
        "message = write('hangs')\n"
        "pid = int((folder / 'pid').read_text())\n"
        "wait(lambda: not lives(pid))\n"
        "writing.MAX_SECONDS = 60\n"
        "print(json.dumps([message, [lives(pid), lives(writer.pid)], by(write(''))]))",
    )
    assert message == "the model was not written within 1 s"
    assert lives == [False, False]
    assert after == "executed"


@pytest.mark.parametrize("moment", ["before", "meanwhile"])
def test_without_its_writer_a_model_is_written_by_an_executed_program(modules: Path, moment: str) -> None:
    why = {"before": "[Errno 32] Broken pipe", "meanwhile": "it has ended"}[moment]
    program = (modules / "program.py").read_text()
    (modules / "program.py").write_text(program.replace("    what = ", f"    {ENDS_ITS_WRITER}\n    what = "))
    how = upkeep(
        modules,
        f"os.environ['ENDS'] = str(writer.pid) if {moment!r} == 'meanwhile' else '-1'\n"
        f"if {moment!r} == 'before':\n"
        "    os.kill(writer.pid, signal.SIGKILL)\n"
        "    wait(lambda: not lives(writer.pid))\n"
        "print(json.dumps([by(write('')), by(write('')), lives(writer.pid)]))",
        f"no answer from the writer of models ({why}): they are written without it\n",
    )
    assert how == ["executed", "executed", False]


def test_nobody_waits_for_a_writer_that_does_not_answer(modules: Path) -> None:
    how = upkeep(
        modules,
        "writer_process.MAX_BEGIN_SECONDS = 0.2\n"
        "os.kill(writer.pid, signal.SIGSTOP)\n"
        "print(json.dumps([by(write('')), lives(writer.pid)]))",
        "no answer from the writer of models (timed out): they are written without it\n",
    )
    assert how == ["executed", False]


def test_two_at_once_are_written_one_after_the_other(modules: Path) -> None:
    how = upkeep(
        modules,
        "found = []\n"
        "threads = [threading.Thread(target=lambda: found.append(write(''))) for _ in range(4)]\n"
        "for thread in threads: thread.start()\n"
        "for thread in threads: thread.join()\n"
        "print(json.dumps(list(map(by, found))))",
    )
    assert how == ["writer"] * 4


def test_code_of_the_user_is_that_of_now(modules: Path) -> None:
    values = upkeep(
        modules,
        "sys.dont_write_bytecode = True\n"
        "found = []\n"
        "for value in (1, 22):\n"
        "    (folder / 'own.py').write_text(f'VALUE = {value}')\n"
        "    found.append(write('own'))\n"
        "print(json.dumps([[each.left_out['value'], by(each)] for each in found]))",
    )
    assert values == [[1, "writer"], [22, "writer"]]


def test_writer_and_program_end_with_upkeep(modules: Path) -> None:
    with start(modules, "print(writer.pid, flush=True)\nwrite('hangs')") as process:
        assert process.stdout is not None
        writer = int(process.stdout.readline())
        assert until(lambda: (modules / "pid").exists() and (modules / "pid").read_text() != "")
        program = int((modules / "pid").read_text())
        assert lives(writer)
        assert lives(program)
        process.kill()
        assert until(lambda: not lives(writer) and not lives(program))
    with start(modules, "os.kill(os.getpid(), signal.SIGSTOP) or print(writer.pid)") as process:
        assert until(lambda: psutil.Process(process.pid).children() != [])
        [writer_too] = psutil.Process(process.pid).children()
        process.send_signal(signal.SIGCONT)
        assert until(lambda: not lives(writer_too.pid))


def test_where_a_process_cannot_fork_there_is_no_writer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer_process, "can_fork", lambda: False)
    assert writer_process.start() is None


def lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def until(true: Any, seconds: float = 20) -> bool:
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.02)
    return bool(true())
