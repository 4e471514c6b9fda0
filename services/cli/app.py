"""The command `cnnlab`: its subcommands, and errors turned into one sentence."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import metadata
from typing import Annotated

import httpx2
import typer
from rich.console import Console

from services.cli import stack_commands, sweep_commands
from services.cli.errors import Failure
from services.cli.typed import NAME
from services.client import ApiError
from services.stack.errors import StackError

COMMANDS: tuple[Callable[..., None], ...] = (
    stack_commands.up,
    stack_commands.demo,
    sweep_commands.submit,
    sweep_commands.watch,
    sweep_commands.ls,
    sweep_commands.show,
    sweep_commands.cancel,
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
        app.command()(command)
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
