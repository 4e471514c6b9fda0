"""docs/commands.md is the help of the commands, every option has help, and every example can be typed."""

from __future__ import annotations

import runpy
import shlex
from pathlib import Path

import pytest
import typer.main

from services.cli.app import make_app, subcommands
from services.cli.subcommand import Subcommand

ROOT = Path(__file__).parents[2]
SCRIPT = runpy.run_path(str(ROOT / "scripts" / "make_commands_page.py"))


def test_the_page_is_the_help() -> None:
    text = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    assert SCRIPT["page"]() == text, "run: python -m scripts.make_commands_page"


@pytest.mark.parametrize("command", subcommands(), ids=lambda command: command.name)
def test_every_parameter_has_help_and_the_example_can_be_typed(command: Subcommand) -> None:
    for parameter in SCRIPT["parameters"](command):
        assert parameter.info.help, f"{command.name}: {parameter.name} has no help"
    name, *words = shlex.split(command.example.partition(" > ")[0])
    assert name == command.name
    commands = typer.main.get_command(make_app()).commands  # type: ignore[attr-defined]
    commands[name].make_context(name, words)  # raises where it does not parse
