"""The program `cnnlab`: its commands, found in `commands/`, and errors printed as one sentence."""

from __future__ import annotations

import errno
import importlib
import io
import os
import pkgutil
import sys
from importlib import metadata
from typing import Annotated

import httpx2
import typer

from services.addresses import without_passwords
from services.cli import commands
from services.cli.errors import CliError
from services.cli.invocation import PROGRAM
from services.cli.show.output import PlainConsole
from services.cli.subcommand import Panel, Subcommand
from services.client import AmbiguousId, AnswerLost, ApiError
from services.stack.errors import StackError

TRACEBACK = "CNNLAB_TRACEBACK"  # set to anything, an unexpected error is printed with its traceback


def subcommands() -> list[Subcommand]:
    """Find every command, by panel and then by name: `commands/NAME.py` defines the subcommand `NAME`."""
    names = [file.name for file in pkgutil.iter_modules(commands.__path__)]
    defined = [getattr(importlib.import_module(f"{commands.__name__}.{name}"), name) for name in names]
    panels = list(Panel)
    return sorted(defined, key=lambda command: (panels.index(command.panel), command.name))


def make_app() -> typer.Typer:
    """Build the application that holds every command."""
    app = typer.Typer(
        name=PROGRAM,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    app.callback()(options)
    for command in subcommands():
        epilog = f"Example: {PROGRAM} {command.example}"
        app.command(command.name, rich_help_panel=command.panel, epilog=epilog)(command.run)
    return app


def _print_version(wanted: bool) -> None:
    if not wanted:
        return
    try:
        number = metadata.version(PROGRAM)
    except metadata.PackageNotFoundError:
        raise CliError(f"{PROGRAM} is not installed as a package, so its version is unknown") from None
    typer.echo(f"{PROGRAM} {number}")
    raise typer.Exit


def options(
    version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version and exit."),
    ] = False,
) -> None:
    """Run hyperparameter sweeps of convolutional networks, a whole grid as one array."""


def main() -> None:
    """Run the command line; print an error as one sentence on stderr."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal of few letters shows ? for the others
    try:
        try:
            make_app()()
        finally:
            sys.stdout.flush()  # a full disk must be noticed here, not when Python ends
    except CliError as error:
        _fail(str(error), error.code)
    except (AmbiguousId, AnswerLost, ApiError, StackError) as error:
        _fail(str(error), 1)
    except httpx2.TransportError as error:
        _fail(f"the API does not answer ({error})", 1)
    except BrokenPipeError:  # whoever read the output has read enough
        _drop_output()
        sys.exit(1)
    except Exception as error:
        if os.environ.get(TRACEBACK):
            raise
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EIO, errno.EDQUOT):
            _drop_output()
            _fail(f"the output cannot be written: {error.strerror}", 1)
        what = " ".join(f"{type(error).__name__}: {error}".split())
        _fail(f"{PROGRAM} failed, which is a fault of its own: {what}; {TRACEBACK}=1 shows where", 1)


def _drop_output() -> None:
    """Have nothing left to write when Python ends, where that would fail once more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _fail(message: str, code: int) -> None:
    PlainConsole(sys.stderr).print(without_passwords(message))
    sys.exit(code)
