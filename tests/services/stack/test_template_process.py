"""services/stack/template_process.py: real templates that fork a small module of the test's own."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from services.forking import ForkedProcess
from services.stack import template_process as module
from services.stack.layout import python
from services.stack.processes import Child, ProcessSpec, execute
from services.stack.template_process import Template

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks are for Linux")
SOURCES = Path(__file__).parents[3]
PR_GET_CHILD_SUBREAPER = 37

PROBE = """
import json, os, signal, sys, time
import heavy
names = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGPIPE)
print(json.dumps({
    "name": __name__,
    "argv": sys.argv[1:],
    "environment": dict(os.environ),
    "folder": os.getcwd(),
    "path": [entry for entry in sys.path if entry != os.getcwd()],
    "parent": os.getppid(),
    "leads": os.getsid(0) == os.getpid(),
    "handlers": [str(signal.getsignal(name)) for name in names],
    "blocked": len(signal.pthread_sigmask(signal.SIG_BLOCK, ())),
    "descriptors": [n for n in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{n}")],
    "in": os.readlink("/proc/self/fd/0"),
    "command": open("/proc/self/cmdline").read().rstrip(chr(0)).split(chr(0)),
    "main": sys.modules["__main__"].__file__,
}), flush=True)
print("and an error", file=sys.stderr, flush=True)
if sys.argv[1:] == ["stays"]:
    time.sleep(60)
sys.exit(5)
"""
HEAVY = "import os, pathlib; pathlib.Path('imported').open('a').write(f'{os.getpid()}\\n')"

Make = Callable[..., Template]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    for name, text in {"probe": PROBE, "heavy": HEAVY, "fails": "raise ImportError('no such luck')"}.items():
        (tmp_path / "modules").mkdir(exist_ok=True)
        (tmp_path / "modules" / f"{name}.py").write_text(text)
    (tmp_path / "modules" / "threads.py").write_text(
        "import threading, time; threading.Thread(target=time.sleep, args=(60,), daemon=True).start()"
    )
    (tmp_path / "folder").mkdir()
    return {**os.environ, "PYTHONPATH": f"{SOURCES}:{tmp_path / 'modules'}", "PYTHONUNBUFFERED": "1"}


@pytest.fixture
def make(tmp_path: Path, environment: dict[str, str]) -> Iterator[Make]:
    """Start a template for the test's modules."""
    made: list[Template] = []

    def start(gives_up: Callable[[], bool] = lambda: False) -> Template:
        made.append(Template(environment, tmp_path / "template.log", tmp_path / "folder", 300, gives_up))
        return made[-1]

    yield start
    for template in made:
        template.close()


def probe(environment: dict[str, str], *words: str) -> ProcessSpec:
    return ProcessSpec("probe", python("probe", *words), {**environment, "ONLY": "this"}, 0)


def ask(template: Template, spec: ProcessSpec, log: Path) -> ForkedProcess | None:
    return template.fork(spec.argv, spec.env, log)


def taken(template: Template, spec: ProcessSpec, log: Path) -> Child:
    process = ask(template, spec, log)
    assert process is not None
    return Child(spec, log, process)


def until(true: Callable[[], object], seconds: float = 20) -> bool:
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.02)
    return bool(true())


def text(log: Path) -> str:
    return log.read_text() if log.exists() else ""


def is_subreaper() -> bool:
    found = ctypes.c_int()
    ctypes.CDLL(None).prctl(PR_GET_CHILD_SUBREAPER, ctypes.byref(found), 0, 0, 0)
    return bool(found.value)


def pid_of(template: Template) -> int:
    assert template._process is not None
    return template._process.pid


def test_a_fork_is_a_child_like_one_that_was_executed(
    make: Make, tmp_path: Path, environment: dict[str, str]
) -> None:
    template = make()
    template.load(["heavy"])
    spec = probe(environment, "one", "two words")
    forked = taken(template, spec, tmp_path / "forked.log")
    executed = execute(spec, tmp_path / "executed.log", tmp_path / "folder")
    assert (forked.wait(20), executed.wait(20)) == (True, True)
    assert (forked.exit_code(), executed.exit_code()) == (5, 5)
    first, error = (tmp_path / "forked.log").read_text().splitlines()
    second, _ = (tmp_path / "executed.log").read_text().splitlines()
    assert error == "and an error"
    seen, would = json.loads(first), json.loads(second)
    assert seen == would
    assert seen["parent"] == os.getpid()
    assert seen["environment"]["ONLY"] == "this"
    assert seen["command"] == list(spec.argv)
    assert seen["leads"]
    importers = (tmp_path / "folder" / "imported").read_text().split()
    assert importers == [str(pid_of(template)), str(executed.pid)], "a fork imports nothing again"


def test_a_log_is_written_on(make: Make, tmp_path: Path, environment: dict[str, str]) -> None:
    (tmp_path / "log").write_text("of yesterday\n")
    assert taken(make(), probe(environment), tmp_path / "log").wait(20)
    assert (tmp_path / "log").read_text().startswith("of yesterday\n{")


def test_forks_go_on_without_the_template_and_are_killed_as_others(
    make: Make, tmp_path: Path, environment: dict[str, str]
) -> None:
    descriptors = set(os.listdir("/proc/self/fd"))
    template = make()
    assert is_subreaper()
    one, two = (taken(template, probe(environment, "stays"), tmp_path / "log") for _ in range(2))
    template.close()
    template.close()  # again does nothing
    assert not is_subreaper()
    assert set(os.listdir("/proc/self/fd")) == descriptors
    assert until(lambda: text(tmp_path / "log").count("and an error") == 2)
    assert (one.exit_code(), two.exit_code()) == (None, None)
    one.terminate()
    assert one.wait(20)
    two.kill()
    assert (one.exit_code(), two.exit_code()) == (-signal.SIGTERM, -signal.SIGKILL)
    assert ask(template, probe(environment), tmp_path / "log") is None, "later ones are to be executed"


def test_a_fork_ends_with_the_stack(tmp_path: Path, environment: dict[str, str]) -> None:
    stack = (
        "import os, sys, time; from pathlib import Path;"
        "from services.stack.template_process import Template;"
        "folder, argv = Path(sys.argv[1]), sys.argv[2:];"
        "template = Template(dict(os.environ), folder / 'template.log', folder / 'folder', 300);"
        "process = template.fork(argv, dict(os.environ), folder / 'log');"
        "print(process.pid, template._process.pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", stack, str(tmp_path), *python("probe", "stays")],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    numbers = [int(word) for word in parent.stdout.readline().split()]
    assert until(lambda: "and an error" in text(tmp_path / "log"))
    assert all(map(alive, numbers))
    parent.kill()
    parent.wait()
    parent.stdout.close()
    assert until(lambda: not any(map(alive, numbers)))


def test_a_template_that_was_killed_forks_nothing(
    make: Make, tmp_path: Path, environment: dict[str, str]
) -> None:
    template = make()
    before = taken(template, probe(environment, "stays"), tmp_path / "log")
    os.kill(pid_of(template), signal.SIGKILL)
    for _ in range(2):
        template.load(["heavy"])
        assert ask(template, probe(environment), tmp_path / "log") is None
    assert before.exit_code() is None
    before.kill()


@pytest.mark.parametrize(
    ("name", "why"),
    [("fails", "no such luck"), ("threads", "an import has started a thread"), ("absent", "absent")],
)
def test_an_import_that_fails_leaves_the_reason_in_the_log(
    make: Make, tmp_path: Path, environment: dict[str, str], name: str, why: str
) -> None:
    template = make()
    template.load([name])
    assert ask(template, probe(environment), tmp_path / "log") is None
    assert why in (tmp_path / "template.log").read_text()


def test_a_fork_that_was_not_taken_over_never_runs(
    make: Make, tmp_path: Path, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    template = make()
    waiting: list[int] = []

    def reply() -> bytes:  # the stack reads the number, and goes another way
        waiting.append(int(os.read(template._replies, 32)))
        return b""

    monkeypatch.setattr(template, "_reply", reply)
    assert ask(template, probe(environment), tmp_path / "log") is None
    assert os.waitpid(waiting[0], 0)[1] != 0
    assert not (tmp_path / "log").exists()


def test_nobody_waits_for_a_template_that_hangs(
    make: Make, tmp_path: Path, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    template = make()
    os.kill(pid_of(template), signal.SIGSTOP)
    monkeypatch.setattr(module, "MAX_FORK_SECONDS", 0.1)
    assert ask(template, probe(environment), tmp_path / "log") is None
    interrupted = make(lambda: True)
    os.kill(pid_of(interrupted), signal.SIGSTOP)
    monkeypatch.setattr(module, "MAX_FORK_SECONDS", 60)
    assert ask(interrupted, probe(environment), tmp_path / "log") is None


def test_elsewhere_than_on_linux_there_is_none(
    make: Make, tmp_path: Path, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module.sys, "platform", "darwin")
    template = make()
    assert template._process is None
    template.load(["heavy"])
    assert ask(template, probe(environment), tmp_path / "log") is None


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
