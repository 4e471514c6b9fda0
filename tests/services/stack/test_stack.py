"""services/stack/stack.py, through the command: the real stack, in folders of its own."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from services.stack.ports import free
from services.stack.processes import ProcessSpec
from services.stack.stack import Stack, restart_pause

SOURCES = Path(__file__).parents[3]
TIMEOUT = 100
WRITER = "services.model_export.writer"
CNNLAB = [sys.executable, "-P", "-c", "from services.cli import main; main()"]
# A user's own files may have the names of what the stack's processes import.
NAMES_OF_OTHERS = ("services", "workers", "flask", "redis", "torch")


@dataclass
class Up:
    """A stack that `cnnlab up` started."""

    process: subprocess.Popen[str]
    folder: Path
    addresses: dict[str, Any]

    def descendants(self) -> list[psutil.Process]:
        """Every process below it."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def messages(self) -> str:
        """The messages that it has printed so far."""
        return (self.folder / "err").read_text()


Start = Callable[..., Up]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a stack with one worker in the test's folder, and wait until it is ready."""
    started: list[subprocess.Popen[str]] = []
    for name in NAMES_OF_OTHERS:
        (tmp_path / f"{name}.py").write_text("raise SystemExit('a file of the user')\n")

    def start(meanwhile: Callable[[psutil.Process], None] | None = None) -> Up:
        command = [
            *CNNLAB,
            "up",
            "--json",
            "--workers",
            "1",
            "--port",
            str(free()),
            "--mlflow-port",
            str(free()),
        ]
        with (tmp_path / "err").open("w") as err:
            process = subprocess.Popen(
                command, cwd=tmp_path, env=_env(), stdout=subprocess.PIPE, stderr=err, text=True
            )
        started.append(process)
        assert process.stdout is not None
        if meanwhile is not None:
            meanwhile(psutil.Process(process.pid))
        line = process.stdout.readline()
        assert line, (tmp_path / "err").read_text()
        return Up(process, tmp_path, json.loads(line))

    yield start
    for process in started:
        descendants = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
        process.kill()
        for child in descendants:
            with suppress(psutil.NoSuchProcess):  # it may follow its parent by itself
                child.kill()
        process.communicate()


@pytest.mark.long
def test_a_stack_keeps_its_children_alive_leaves_none_and_finds_its_data_again(start: Start) -> None:
    up = start()
    assert up.addresses["workers"] == 1
    secrets = (up.folder / ".cnnlab" / "secrets.env").read_text()

    second = _run(up.folder, "up")
    assert second.returncode == 1
    assert f"(process {up.process.pid})" in second.stderr
    assert "already running" in second.stderr
    assert "Traceback" not in second.stderr

    api = _find(up.descendants(), "services.api.app:from_environment")
    assert _is_fork(api)
    assert _is_fork(_find(up.descendants(), "workers.runner"))
    assert api.ppid() == up.process.pid
    assert (up.folder / ".cnnlab" / "logs" / "template.log").read_text() == ""
    api.kill()
    assert _until(lambda: "api exited" in up.messages())
    assert "killed by SIGKILL" in up.messages()
    assert _until(lambda: _answers(up.addresses["api"]))
    assert not _is_fork(_find(up.descendants(), "services.api.app:from_environment"))
    assert _run(up.folder, "ls", "--json").stdout == "[]\n"

    spec = up.folder / "sweep.yaml"
    spec.write_text(
        "{name: small, model: mlp, data: fashion-mnist-mini, train: {epochs: 1}, space: {train.l2: [0]}}"
    )
    submitted = _run(up.folder, "submit", str(spec), "--json")
    assert submitted.returncode == 0, submitted.stderr

    descendants = up.descendants()
    up.process.send_signal(signal.SIGINT)
    assert up.process.wait(60) == 0
    assert [child for child in descendants if _alive(child)] == []  # one that ended may wait for init
    assert not (up.folder / ".cnnlab" / "running.json").exists()

    up = start()
    assert (up.folder / ".cnnlab" / "secrets.env").read_text() == secrets
    found = json.loads(_run(up.folder, "ls", "--json").stdout)
    assert [sweep["name"] for sweep in found] == ["small"]
    watched = _run(up.folder, "watch", found[0]["id"])
    assert watched.returncode == 0, watched.stdout + watched.stderr
    assert "succeeded" in watched.stdout
    writer = _find(up.descendants(), WRITER)
    assert writer.ppid() == _find(up.descendants(), "services.upkeep").pid
    assert _until(lambda: sum(writer.cpu_times()[2:4]) > 0), (
        "it has had a fork that wrote the best trial's model"
    )
    assert _until(lambda: _answers(up.addresses["mlflow"]))

    descendants = up.descendants()
    up.process.kill()
    up.process.wait()
    assert _until(lambda: not [child for child in descendants if _alive(child)])


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="templates are for Linux")
def test_a_stack_whose_template_is_killed_starts_all_the_same(start: Start) -> None:
    def kill(stack: psutil.Process) -> None:
        """Kill it once it has forked a process, before it has imported all."""
        assert _until(lambda: any("services.stack.mlflow_app" in p.cmdline() for p in stack.children()))
        _find(stack.children(), "services.stack.template").kill()

    up = start(kill)
    assert _is_fork(_find(up.descendants(), "services.stack.mlflow_app"))
    assert not _is_fork(_find(up.descendants(), "services.api.app:from_environment"))
    assert not _is_fork(_find(up.descendants(), "workers.runner"))
    assert all(WRITER not in process.cmdline() for process in up.descendants())
    assert up.messages() == "", "nothing had to be started again"


def test_nothing_more_starts_once_a_stop_is_requested(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing = ProcessSpec("migrations", (sys.executable, "-c", ""), {}, 0)
    monkeypatch.setattr("services.stack.layout.migrations", lambda _: nothing)
    before = {*psutil.Process().children(recursive=True)}  # other tests' servers
    with Stack(tmp_path, (free(), free()), 1, print) as stack:
        stack.take_folder()
        stack.interrupt.count = 1
        stack.start()
        assert not stack.wait_until_ready()
        assert {*psutil.Process().children(recursive=True)} <= before


def test_a_wrong_setting_is_refused_at_once(tmp_path: Path) -> None:
    wrong = {"CNNLAB_DATA": str(tmp_path / "nowhere")}
    refused = _run(tmp_path, "up", "--port", str(free()), "--mlflow-port", str(free()), settings=wrong)
    assert refused.returncode == 1
    assert refused.stderr == f"CNNLAB_DATA: must be a folder that exists, got '{tmp_path / 'nowhere'}'\n"


def test_a_port_in_use_is_refused(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        refused = _run(tmp_path, "up", "--port", str(other.getsockname()[1]))
    assert refused.returncode == 1
    assert "(for the API) is in use by another program" in refused.stderr
    assert "--port" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_pauses_before_a_restart_grow_up_to_half_a_minute() -> None:
    assert [restart_pause(failures) for failures in (1, 2, 3, 4, 7, 8, 9)] == [0, 0.5, 1, 2, 16, 30, 30]
    assert restart_pause(10_000) == 30, "a process that fails for hours is still restarted"


def _find(processes: list[psutil.Process], word: str) -> psutil.Process:
    return next(process for process in processes if word in process.cmdline())


def _is_fork(process: psutil.Process) -> bool:
    """Whether a process has the environment with which the template was executed."""
    environment = process.environ()  # a runner that is executed has more of the allocator's settings
    return "GLIBC_TUNABLES" in environment and "MALLOC_TOP_PAD_" not in environment


def _run(
    folder: Path, *words: str, settings: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    env = {**_env(), **(settings or {})}
    return subprocess.run(
        [*CNNLAB, *words], cwd=folder, env=env, capture_output=True, text=True, timeout=TIMEOUT
    )


def _env() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CNNLAB_")}
    return {**kept, "PYTHONPATH": os.pathsep.join(filter(None, [str(SOURCES), kept.get("PYTHONPATH", "")]))}


def _until(true: Callable[[], bool]) -> bool:
    end = time.monotonic() + TIMEOUT
    while not true() and time.monotonic() < end:
        time.sleep(0.1)
    return true()


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/health", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _alive(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
