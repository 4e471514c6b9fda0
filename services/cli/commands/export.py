"""`cnnlab export`: a sweep's trials or curves as a file."""

from __future__ import annotations

import io
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

import typer

from services import escaping
from services.cli.connection import connect
from services.cli.errors import CliError
from services.cli.parameters import Key, SweepId, Url
from services.cli.show.output import Output
from services.cli.subcommand import Panel, subcommand
from services.client import Client
from services.client.frames import MissingFrames, write_parquet


class ExportContent(StrEnum):
    """What is exported."""

    TRIALS = "trials"
    CURVES = "curves"


class ExportFormat(StrEnum):
    """The format of the file."""

    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"


TextFormat = Literal["csv", "json"]


@subcommand(Panel.RESULTS, "export 3f81c09a2e --what curves -o curves.csv")
def export(
    sweep: SweepId,
    what: Annotated[
        ExportContent, typer.Option("--what", help="One row for each trial, or one for each epoch of each.")
    ] = ExportContent.TRIALS,
    form: Annotated[
        ExportFormat, typer.Option("--format", help="The format of the file.")
    ] = ExportFormat.CSV,
    to: Annotated[
        Path | None, typer.Option("--output", "-o", help="The file to write; default: standard output.")
    ] = None,
    url: Url = None,
    key: Key = None,
) -> None:
    """Export a sweep's trials or curves, as CSV, JSON or Parquet."""
    with connect(url, key) as client:
        if form is ExportFormat.PARQUET:
            _write_parquet(client, sweep, what, to)
            Output(False).message(f"Wrote {to}.")
            return
        text: TextFormat = "json" if form is ExportFormat.JSON else "csv"
        if to is None:
            _print(client, sweep, what, text)
        else:
            _write_file(client, sweep, what, text, to)
            Output(False).message(f"Wrote {to}.")


def _write_parquet(client: Client, sweep: str, what: ExportContent, to: Path | None) -> None:
    """Write a frame of the table, made here; `CliError` without the packages for that."""
    if to is None:
        raise CliError(f"Parquet is not text: name a file with -o, such as -o {sweep}.parquet", 2)
    _check_file(to, sweep, ExportFormat.PARQUET)
    try:
        table = client.frame(sweep) if what is ExportContent.TRIALS else client.curves(sweep)
        write_parquet(table, str(to))
    except MissingFrames as error:
        raise CliError(str(error)) from None
    except OSError as error:
        raise CliError(f"{to} cannot be written: {error.strerror or error}") from None


def _check_file(to: Path, sweep: str, form: ExportFormat) -> None:
    if to.is_dir() or not to.name:
        raise CliError(f"{to} is a folder: name a file in it, such as {to / f'{sweep}.{form.value}'}", 2)


def _print(client: Client, sweep: str, what: ExportContent, form: TextFormat) -> None:
    """Write to standard output; where that is a terminal, no character of the file steers it."""
    if not sys.stdout.isatty():
        client.export(sweep, what.value, form, sys.stdout.buffer)
        sys.stdout.buffer.flush()
        return
    content = io.BytesIO()
    client.export(sweep, what.value, form, content)
    sys.stdout.write(escaping.terminal(content.getvalue().decode()))


def _write_file(client: Client, sweep: str, what: ExportContent, form: TextFormat, to: Path) -> None:
    """Write the whole file; if the export breaks off, leave none behind."""
    _check_file(to, sweep, ExportFormat(form))
    part = to.with_name(f"{to.name}.part")
    try:
        with part.open("wb") as file:
            client.export(sweep, what.value, form, file)
        part.replace(to)
    except OSError as error:
        raise CliError(f"{to} cannot be written: {error.strerror or error}") from None
    finally:
        part.unlink(missing_ok=True)
