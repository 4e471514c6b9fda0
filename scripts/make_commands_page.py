"""Write docs/commands.md from the help of the commands: `python -m scripts.make_commands_page`."""

from __future__ import annotations

import inspect
import types
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any, NamedTuple, Union, get_args, get_origin, get_type_hints

from typer.models import OptionInfo

from services.cli.app import subcommands
from services.cli.subcommand import Panel, Subcommand

COMMANDS_PAGE = Path(__file__).parents[1] / "docs" / "commands.md"
COMMANDS_HEAD = """\
# Commands

This page is generated from the commands' help by `python -m scripts.make_commands_page`; a test compares the
two. In a terminal, `cnnlab COMMAND --help` prints the same.

All commands but `up` and `demo` have the options `--url` and `--key` (or the variables `CNNLAB_URL` and
`CNNLAB_API_KEY`), which choose an API; without them they use the stack that is running in the current folder.
All but `export` have `--json`: they then print JSON for programs on stdout, and messages on stderr.

Exit codes: 0 success; 1 the service refused, or the sweep did not succeed; 2 the command or a file is wrong;
130 interrupted by Ctrl-C.
"""
SHARED_OPTIONS = ("url", "key", "as_json")  # described once, at the head of the page
VALUE_NAMES = {int: "N", str: "TEXT", Path: "FILE"}


class CommandParameter(NamedTuple):
    """An argument or an option of a command, as its annotation declares it."""

    name: str
    info: Any
    kind: Any  # bool, int, str, Path or an enum
    default: Any

    @property
    def is_option(self) -> bool:
        """Whether it is typed by its name."""
        return isinstance(self.info, OptionInfo)

    @property
    def typed(self) -> str:
        """How it is typed: `SWEEP`, `[KIND]`, `--what trials\\|curves`."""
        if not self.is_option:
            name = str(self.info.metavar or self.name.upper())
            return name if self.default is inspect.Parameter.empty else f"[{name}]"
        # With Annotated, typer keeps the first name where a default would be.
        names = ", ".join(
            each for each in (self.info.default, *self.info.param_decls) if isinstance(each, str)
        )
        if self.kind is bool:
            return names
        choices = issubclass(self.kind, Enum) and r"\|".join(each.value for each in self.kind)
        return f"{names} {choices or VALUE_NAMES[self.kind]}"

    @property
    def meaning(self) -> str:
        """Its help, the environment variable that can set it, and its default."""
        notes = []
        if self.is_option and self.info.envvar:
            notes.append(f"or the variable `{self.info.envvar}`")
        if self.kind is not bool and self.default not in (None, inspect.Parameter.empty):
            notes.append(f"default `{getattr(self.default, 'value', self.default)}`")
        return " ".join([self.info.help, *([f"({', '.join(notes)})"] if notes else [])])


def page() -> str:
    """The whole page: a section for each panel of commands."""
    parts, commands = [COMMANDS_HEAD], subcommands()
    for panel in Panel:
        parts += [f"## {panel}\n", *(_section(command) for command in commands if command.panel == panel)]
    return "\n".join(parts)


def parameters(command: Subcommand) -> Iterator[CommandParameter]:
    """A command's arguments and options, in their order."""
    hints = get_type_hints(command.run, include_extras=True)
    for name, parameter in inspect.signature(command.run).parameters.items():
        kind, info, *_ = get_args(hints[name])
        if get_origin(kind) in (Union, types.UnionType):
            kind = next(each for each in get_args(kind) if each is not type(None))
        kind = get_args(kind)[0] if get_origin(kind) is list else kind
        yield CommandParameter(name, info, kind, parameter.default)


def _section(command: Subcommand) -> str:
    declared = list(parameters(command))
    arguments = [each.typed for each in declared if not each.is_option]
    rows = [f"| `{each.typed}` | {each.meaning} |" for each in declared if each.name not in SHARED_OPTIONS]
    return "\n".join(
        [
            f"### `{' '.join(['cnnlab', command.name, *arguments])}`",
            "",
            inspect.getdoc(command.run) or "",
            "",
            *(["| | |", "|---|---|", *rows, ""] if rows else []),
            f"Example: `cnnlab {command.example}`",
            "",
        ]
    )


if __name__ == "__main__":
    COMMANDS_PAGE.write_text(page(), encoding="utf-8")
