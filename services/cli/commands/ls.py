"""`cnnlab ls`: the list of sweeps."""

from __future__ import annotations

from typing import Annotated

import typer

from services.cli.connection import connect
from services.cli.errors import CliError
from services.cli.invocation import command_line
from services.cli.parameters import Json, Key, Url
from services.cli.show.output import Output
from services.cli.show.sweeps_table import sweeps_table
from services.cli.subcommand import Panel, subcommand
from services.domain.errors import nearest
from services.domain.states import SweepState


@subcommand(Panel.SWEEPS, "ls --state active --state paused")
def ls(
    state: Annotated[
        list[str] | None,
        typer.Option("--state", help="Only sweeps in this state; repeat it for several states."),
    ] = None,
    project: Annotated[str | None, typer.Option("--project", help="Only sweeps of this project.")] = None,
    name: Annotated[
        str | None, typer.Option("--name", help="Only sweeps whose name contains this text.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most this many sweeps.")] = 50,
    url: Url = None,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """List the latest sweeps."""
    states = [each.value for each in SweepState]
    for given in state or ():
        if given not in states:
            raise CliError(
                f"no sweep state {given!r}.{nearest(given, states)} The states are {', '.join(states)}", 2
            )
    with connect(url, key) as client:
        sweeps = list(client.sweeps(state=state or (), project=project, name=name, limit=limit))
    empty = f"No sweeps yet: submit one with `{command_line('submit FILE')}`."
    if state or project or name:
        empty = "No sweep matches."
    Output(as_json).result(sweeps, sweeps_table(sweeps) if sweeps else empty)
