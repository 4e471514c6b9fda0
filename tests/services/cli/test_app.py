"""services/cli/app.py and services/cli/subcommand.py."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import httpx2
import pytest

from services.cli import app, commands
from services.cli.errors import CliError
from services.cli.subcommand import Panel
from services.client import ApiError
from services.stack.errors import StackError

Run = Callable[..., tuple[int, str, str]]


def test_every_file_is_the_command_of_its_name() -> None:
    files = {path.stem for path in Path(commands.__path__[0]).glob("[!_]*.py")}
    assert sorted(command.name for command in app.subcommands()) == sorted(files)
    assert len(files) > 15


def test_commands_are_in_the_order_of_panels_and_names() -> None:
    places = [(list(Panel).index(command.panel), command.name) for command in app.subcommands()]
    assert places == sorted(places)


def test_the_version(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata, "version", lambda name: f"1.2 of {name}")
    assert run("--version") == (0, "cnnlab 1.2 of cnnlab\n", "")


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (CliError("no [file]", 2), 2, "no [file]"),
        (ApiError({"status": 409, "detail": "it is over"}), 1, "it is over"),
        (StackError("no Redis"), 1, "no Redis"),
        (httpx2.ConnectError("refused"), 1, "the API does not answer (refused)"),
    ],
)
def test_an_error_is_one_sentence_on_stderr(
    run: Run, monkeypatch: pytest.MonkeyPatch, error: Exception, code: int, text: str
) -> None:
    def failing() -> Callable[[], None]:
        def start() -> None:
            raise error

        return start

    monkeypatch.setattr(app, "make_app", failing)
    assert run("ls") == (code, "", f"{text}\n")


def test_an_unexpected_error_is_one_sentence_and_has_a_traceback_on_request(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing() -> Callable[[], None]:
        def start() -> None:
            raise KeyError("of no\nconcern")

        return start

    monkeypatch.setattr(app, "make_app", failing)
    monkeypatch.delenv(app.TRACEBACK, raising=False)
    code, out, err = run("ls")
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert err.startswith("cnnlab failed, which is a fault of its own: KeyError")
    assert "CNNLAB_TRACEBACK=1" in err
    monkeypatch.setenv(app.TRACEBACK, "1")
    with pytest.raises(KeyError):
        run("ls")


def test_a_full_disk_is_one_sentence() -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    code = "import sys; sys.stdout = open('/dev/full', 'w'); from services.cli import main; main()"
    found = subprocess.run(
        [sys.executable, "-c", code, "--help"], capture_output=True, text=True, check=False
    )
    assert (found.returncode, found.stderr) == (1, "the output cannot be written: No space left on device\n")


def test_a_terminal_of_few_letters_shows_others_as_question_marks() -> None:
    code = "from services.cli import app; app.make_app = lambda: lambda: print('0.9 ± 0.1'); app.main()"
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    found = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert (found.returncode, found.stdout, found.stderr) == (0, "0.9 ? 0.1\n", "")
