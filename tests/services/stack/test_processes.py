"""services/stack/processes.py."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from services.stack.processes import Child, ProcessSpec, describe_exit, execute

Start = Callable[[str], Child]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start Python code as a child."""
    children: list[Child] = []

    def start(code: str) -> Child:
        spec = ProcessSpec("probe", (sys.executable, "-c", code), dict(os.environ), 0)
        children.append(execute(spec, tmp_path / "probe.log", tmp_path))
        return children[-1]

    yield start
    for child in children:
        child.kill()


def until(true: Callable[[], bool], seconds: float = 10) -> bool:
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.02)
    return true()


def test_a_child_writes_its_log_and_ends(start: Start) -> None:
    child = start("print('one'); print('two'); print()")
    assert child.wait(10)
    assert child.exit_code() == 0
    assert child.last_log_line() == "two"


def test_a_child_has_a_session_of_its_own(start: Start) -> None:
    child = start("import time; time.sleep(60)")
    assert os.getsid(child.pid) == child.pid


def test_kill_takes_the_whole_group(start: Start, tmp_path: Path) -> None:
    child = start(
        "import subprocess, sys, time, pathlib;"
        "inner = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']);"
        "pathlib.Path('inner').write_text(f'{inner.pid}\\n'); time.sleep(60)"
    )
    assert until(lambda: (tmp_path / "inner").exists() and (tmp_path / "inner").read_text().endswith("\n"))
    inner = int((tmp_path / "inner").read_text())
    child.kill()
    assert child.exit_code() == -signal.SIGKILL
    assert until(lambda: not _alive(inner))


def test_a_child_dies_with_its_parent(tmp_path: Path) -> None:
    parent = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys, os, time; from pathlib import Path;"
            "from services.stack.processes import ProcessSpec, execute;"
            f"folder = Path({str(tmp_path)!r});"
            "sleep = (sys.executable, '-c', 'import time; time.sleep(60)');"
            "child = execute(ProcessSpec('probe', sleep, dict(os.environ), 0), folder / 'log', folder);"
            "(folder / 'pid').write_text(f'{child.pid}\\n'); time.sleep(60)",
        ],
        cwd=Path(__file__).parents[3],
    )
    assert until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().endswith("\n"))
    pid = int((tmp_path / "pid").read_text())
    parent.kill()
    parent.wait()
    assert until(lambda: not _alive(pid))


def test_how_a_process_exited() -> None:
    assert describe_exit(1) == "exit code 1"
    assert describe_exit(-9) == "killed by SIGKILL"
    assert describe_exit(-250) == "killed by signal 250"


def _alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
