"""workers/runner_start.py: a forked runner beside an executed one, in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks are for Linux")
SOURCES = Path(__file__).parents[2]

# What a runner can see of how it was started; it is the module `workers.runner` of the tests below.
RUNNER = """
import ctypes, json, logging, os, signal, sys

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096

def keeps_blocks():
    libc = ctypes.CDLL(None)
    libc.malloc.restype, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
    before, blocks = resident(), [libc.malloc(16 << 20) for _ in range(4)]
    for block in blocks:
        ctypes.memset(block, 1, 16 << 20)
    for block in blocks:
        libc.free(block)
    return resident() - before > 32 << 20

def main():
    parent, read_fd, write_fd = map(int, sys.argv[1:])
    kept = [name for name in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{name}")]
    print("printed", flush=True)
    os.write(write_fd, json.dumps({
        "parent": parent == os.getppid(),
        "leads": os.getsid(0) == os.getpid(),
        "blocked": list(signal.pthread_sigmask(signal.SIG_BLOCK, ())),
        "handlers": len(logging.root.handlers),
        "environment": dict(os.environ),
        "kept": sorted(set(map(int, kept)) - {0, 1, 2}) == sorted((read_fd, write_fd)),
        "keeps blocks": keeps_blocks(),
        "command": open("/proc/self/cmdline").read().rstrip(chr(0)).split(chr(0))[1:4],
    }).encode() + b"\\n")
    end = os.read(read_fd, 100)
    if end == b"kill\\n":
        os.kill(os.getpid(), signal.SIGKILL)
    if end == b"stay\\n":
        import subprocess
        print(subprocess.Popen(["sleep", "60"]).pid, flush=True)
        os.read(read_fd, 1)
    return 4

if __name__ == "__main__":
    sys.exit(main())
"""
# A worker's main process, which may have torch in memory.
WORKER = """
import json, os, select, signal, sys
sys.modules["torch"] = None
import psutil
from services import forking
from services.training_environment import ALLOCATOR
from workers import runner_start
from workers.runner_process import RunnerProcess

how, end = sys.argv[1:3]
assert forking.can_fork()
environment = {"PYTHONPATH": os.environ["PYTHONPATH"], "LC_ALL": "C.UTF-8", **ALLOCATOR}
runner = RunnerProcess(environment, getattr(runner_start, how))
mask = list(signal.pthread_sigmask(signal.SIG_BLOCK, ()))
seen = json.loads(os.fdopen(os.dup(runner.wire.read_fd)).readline())
select.select([runner.output], [], [], 20)
seen["mask of its parent"] = mask
seen["output"] = [runner.read_output().decode()]
os.write(runner.wire.write_fd, end.encode() + b"\\n")
if end == "stay":
    select.select([runner.output], [], [], 20)
    below = psutil.Process(int(runner.read_output()))
    runner.close()
    seen["left"] = [p.pid for p in psutil.wait_procs([below], timeout=10)[1] if p.status() != "zombie"]
seen["end"] = runner.describe_exit() if end != "stay" else ""
seen["alive"] = runner.alive()
print(json.dumps(seen))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A package `workers` that is the real one but for its runner."""
    (tmp_path / "workers").mkdir()
    (tmp_path / "workers" / "runner.py").write_text(RUNNER)
    (tmp_path / "workers" / "__init__.py").write_text(f"__path__.append({str(SOURCES / 'workers')!r})")
    return tmp_path


def work(folder: Path, how: str, end: str) -> str:
    """What a worker prints whose runner starts and ends so."""
    path = os.pathsep.join([str(folder), str(SOURCES)])
    command = [sys.executable, "-P", "-c", WORKER, how, end, "-" * 200]
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def seen(folder: Path, how: str, end: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(work(folder, how, end))
    return found


@pytest.mark.parametrize(("end", "described"), [("go", "exit code 4"), ("kill", "signal SIGKILL")])
def test_a_forked_runner_is_like_one_that_was_executed(folder: Path, end: str, described: str) -> None:
    forked = seen(folder, "fork", end)
    assert forked == seen(folder, "execute", end)
    assert forked["output"] == ["printed\n"]
    assert (forked["blocked"], forked["mask of its parent"]) == ([signal.SIGTERM], [])
    assert (forked["parent"], forked["leads"], forked["kept"], forked["alive"]) == (True, True, True, False)
    assert forked["command"] == ["-P", "-m", "workers.runner"]
    assert forked["end"] == described


def test_a_forked_runner_is_killed_with_what_it_has_started(folder: Path) -> None:
    found = seen(folder, "fork", "stay")
    assert (found["left"], found["alive"]) == ([], False)
