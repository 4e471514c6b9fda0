"""docs/commands.md says what the command line says of itself, and each command shows an example."""

from __future__ import annotations

import runpy
import shlex
from pathlib import Path

import pytest
import typer.main

from services.cli.app import COMMANDS, Command, make_app

ROOT = Path(__file__).parents[2]
SCRIPT = runpy.run_path(str(ROOT / "scripts" / "make_commands_page.py"))


def test_the_page_is_the_help() -> None:
    text = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    assert SCRIPT["page"]() == text, "run: python -m scripts.make_commands_page"


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.run.__name__)
def test_every_parameter_has_its_words_and_the_example_can_be_typed(command: Command) -> None:
    for parameter in SCRIPT["parameters"](command):
        assert parameter.info.help, f"{command.run.__name__}: {parameter.name} has no help"
    name, *words = shlex.split(command.example.partition(" > ")[0])
    assert name == command.run.__name__
    commands = typer.main.get_command(make_app()).commands  # type: ignore[attr-defined]
    commands[name].make_context(name, words)  # raises where it does not parse
