"""Taking results away: best, export."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, BinaryIO

import typer
from rich.markup import escape

from services.cli import leaderboard, specfile
from services.cli.connection import Json, Key, Url, connect
from services.cli.errors import Failure
from services.cli.look_commands import SweepId
from services.cli.mlflow_links import mlflow
from services.cli.output import Output
from services.cli.typed import typed
from services.client import Client


class What(StrEnum):
    """What is exported."""

    TRIALS = "trials"
    CURVES = "curves"


class Form(StrEnum):
    """How it is written."""

    CSV = "csv"
    JSON = "json"


def best(
    sweep: SweepId,
    as_yaml: Annotated[
        bool, typer.Option("--yaml", help="Print a spec that trains the winner again, for submit.")
    ] = False,
    url: Url = None,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Show a sweep's best point: its value with interval, whether it beats the runner-up, its trials."""
    output = Output(as_json)
    with connect(url, key) as client:
        found, view = client.best(sweep), client.sweep(sweep)
    if as_yaml:
        sys.stdout.write(specfile.written(found["spec"]))
        return
    point = found["point"]
    verdict = leaderboard.verdict({"points": [point], "comparison": view["comparison"]})
    metric = f"{view['objective']['metric']} {point['text']}"
    note = f" ({point['note']})" if point["note"] and view["comparison"] else ""
    again = f"Train it again with: {typed(f'best {sweep} --yaml')} | {typed('submit -')}"
    output.result(
        {**found, "comparison": view["comparison"]},
        escape(f"{view['name']} {view['state']}: {metric}{note}"),
        escape(leaderboard.titled(point)),
        *map(escape, verdict),
        leaderboard.replicates(point),
        *filter(None, [mlflow(view)]),
        escape(again),
    )


def export(
    sweep: SweepId,
    what: Annotated[
        What, typer.Option("--what", help="A line for each trial, or for each epoch.")
    ] = What.TRIALS,
    form: Annotated[Form, typer.Option("--format", help="How it is written.")] = Form.CSV,
    to: Annotated[
        Path | None, typer.Option("--output", "-o", help="The file; without it the standard output.")
    ] = None,
    url: Url = None,
    key: Key = None,
) -> None:
    """Export a sweep's trials or curves, as CSV or JSON."""
    with connect(url, key) as client:
        if to is None:
            client.export(sweep, what.value, form.value, sys.stdout.buffer)
            sys.stdout.buffer.flush()
        else:
            _to_file(client, sweep, what, form, to)
            Output(False).say(f"Wrote {to}.")


def _to_file(client: Client, sweep: str, what: What, form: Form, to: Path) -> None:
    """Write the whole file or, where the export breaks off, none."""
    part = to.with_name(f"{to.name}.part")
    try:
        file: BinaryIO
        with part.open("wb") as file:
            client.export(sweep, what.value, form.value, file)
        part.replace(to)
    except OSError as error:
        raise Failure(f"{to} cannot be written: {error}") from None
    finally:
        part.unlink(missing_ok=True)
