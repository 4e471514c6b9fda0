"""`cnnlab watch`: follow a sweep to its end."""

from __future__ import annotations

import typer

from services.cli.connection import connect
from services.cli.parameters import Json, Key, SweepId, Url
from services.cli.show.output import Output
from services.cli.show.whole_sweep import watch_to_the_end
from services.cli.subcommand import Panel, subcommand


@subcommand(Panel.SWEEPS, "watch 3f81c09a2e")
def watch(sweep: SweepId, url: Url = None, key: Key = None, as_json: Json = False) -> None:
    """Show a sweep's progress until it ends; exit code 0 if every trial succeeded."""
    with connect(url, key) as client:
        raise typer.Exit(watch_to_the_end(client, sweep, Output(as_json)))
