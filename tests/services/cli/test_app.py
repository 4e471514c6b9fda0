"""services/cli/app.py and services/cli/subcommand.py."""

from __future__ import annotations

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
    assert len(files) == 18


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
