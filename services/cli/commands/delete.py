"""`cnnlab delete`: delete a sweep with everything that belongs to it."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from services.cli.connection import connect
from services.cli.errors import CliError
from services.cli.parameters import Json, Key, SweepId, Url
from services.cli.show.formats import many, size
from services.cli.show.output import Output
from services.cli.subcommand import Panel, subcommand
from services.client import View


@subcommand(Panel.SWEEPS, "delete 3f81c09a2e --dry-run")
def delete(
    sweep: SweepId,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would go and delete nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    url: Url = None,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Delete a sweep that has ended, with its trials, files and runs in MLflow; it cannot be taken back."""
    with connect(url, key) as client:
        found = client.delete(sweep, dry_run=True)
        if dry_run:
            Output(as_json).result(found, f"{_contents(found)} would be deleted.")
            return
        if not yes:
            _ask(found)
        deleted = client.delete(found["id"])
    Output(as_json).result(deleted, f"{_contents(deleted)} is deleted; upkeep does the rest.")


def _contents(view: View) -> str:
    parts = [
        many(view["trials"], "trial"),
        many(view["epochs"], "epoch"),
        f"{many(view['files'], 'file')} ({size(view['bytes'])})",
        f"{many(view['mlflow_runs'], 'run')} in MLflow",
    ]
    return f"{view['name']} ({view['id']}) with {', '.join(parts)}"


def _ask(view: View) -> None:
    """Ask on a terminal; a script has to say `--yes`."""
    if not sys.stdin.isatty():
        raise CliError("deleting cannot be taken back: give --yes to delete without being asked", 2)
    Output(as_json=False).message(_contents(view))
    if not typer.confirm("Delete it?", err=True):
        raise CliError("nothing was deleted", 1)
