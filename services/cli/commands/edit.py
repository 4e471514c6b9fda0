"""`cnnlab edit`: change a sweep's name or description."""

from __future__ import annotations

from typing import Annotated

import typer

from services.cli.connection import connect
from services.cli.errors import CliError
from services.cli.parameters import Json, Key, SweepId, Url
from services.cli.show.output import Output
from services.cli.subcommand import Panel, subcommand


@subcommand(Panel.SWEEPS, 'edit 3f81c09a2e --name "dropout, second try"')
def edit(
    sweep: SweepId,
    name: Annotated[str | None, typer.Option("--name", help="The new name.")] = None,
    description: Annotated[
        str | None, typer.Option("--description", help="The new description; '' for none.")
    ] = None,
    url: Url = None,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Change a sweep's name or description, at any time; MLflow follows within seconds."""
    if name is None and description is None:
        raise CliError("nothing to change: give --name, --description or both", 2)
    with connect(url, key) as client:
        view = client.edit(sweep, name=name, description=description)
    Output(as_json).result(view, f"{view['id']} is called {view['name']}.")
