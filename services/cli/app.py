"""The command `cnnlab`: its subcommands, and errors turned into one sentence."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import metadata
from typing import Annotated, NamedTuple

import httpx2
import typer
from rich.console import Console

from services.cli import (
    catalog_command,
    doctor_command,
    look_commands,
    reproduce_command,
    result_commands,
    stack_commands,
    submit_command,
    trace_command,
    verb_commands,
)
from services.cli.errors import Failure
from services.cli.typed import NAME
from services.client import ApiError
from services.stack.errors import StackError


class Command(NamedTuple):
    """A subcommand: its panel in the list of commands, and how it is typed."""

    run: Callable[..., None]
    panel: str
    example: str


SERVICE, SWEEPS, RESULTS = "The service on this machine", "Sweeps", "Results"
COMMANDS = (
    Command(stack_commands.up, SERVICE, "up --workers 2"),
    Command(stack_commands.demo, SERVICE, "demo"),
    Command(doctor_command.doctor, SERVICE, "doctor"),
    Command(submit_command.submit, SWEEPS, "submit examples/dropout-grid.yaml --watch"),
    Command(look_commands.watch, SWEEPS, "watch 3f81c09a2e"),
    Command(look_commands.ls, SWEEPS, "ls --state active --state paused"),
    Command(look_commands.show, SWEEPS, "show 3f81c09a2e --point 7"),
    Command(verb_commands.pause, SWEEPS, "pause 3f81c09a2e"),
    Command(verb_commands.resume, SWEEPS, "resume 3f81c09a2e"),
    Command(verb_commands.stop, SWEEPS, "stop 3f81c09a2e"),
    Command(verb_commands.cancel, SWEEPS, "cancel 3f81c09a2e"),
    Command(verb_commands.retry, SWEEPS, "retry 3f81c09a2e"),
    Command(catalog_command.catalog, SWEEPS, "catalog optimizers adam"),
    Command(result_commands.best, RESULTS, "best 3f81c09a2e --yaml > winner.yaml"),
    Command(result_commands.export, RESULTS, "export 3f81c09a2e --what curves -o curves.csv"),
    Command(trace_command.trace, RESULTS, "trace 3f81c09a2e-0007"),
    Command(reproduce_command.reproduce, RESULTS, "reproduce 3f81c09a2e-0007"),
)


def _version(asked: bool) -> None:
    if not asked:
        return
    try:
        number = metadata.version(NAME)
    except metadata.PackageNotFoundError:
        raise Failure(f"{NAME} is not installed, so there is no version to tell") from None
    typer.echo(f"{NAME} {number}")
    raise typer.Exit


def make_app() -> typer.Typer:
    """Every subcommand in one application."""
    app = typer.Typer(
        name=NAME,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    app.callback()(options)
    for command in COMMANDS:
        app.command(rich_help_panel=command.panel, epilog=f"Example: {NAME} {command.example}")(command.run)
    return app


def options(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_version, help="Print the version and stop.")
    ] = False,
) -> None:
    """Run hyperparameter sweeps of convolutional networks, a whole grid as one array."""


def main() -> None:
    """Run the command line; what goes wrong is said on stderr in words."""
    try:
        make_app()()
    except Failure as failure:
        _fail(str(failure), failure.code)
    except (ApiError, StackError) as error:
        _fail(str(error), 1)
    except httpx2.TransportError as error:
        _fail(f"the API does not answer ({error})", 1)


def _fail(words: str, code: int) -> None:
    Console(stderr=True, highlight=False, soft_wrap=True).print(words, markup=False)
    sys.exit(code)
