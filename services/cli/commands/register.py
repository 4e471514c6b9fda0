"""`cnnlab register`: a sweep's winner in MLflow's registry of models."""

from __future__ import annotations

from typing import Annotated

import typer

from services.cli.connection import connect
from services.cli.parameters import Json, Key, SweepId, Url
from services.cli.show.output import Output
from services.cli.subcommand import Panel, subcommand


@subcommand(Panel.RESULTS, "register 3f81c09a2e --as clothing --alias champion")
def register(
    sweep: SweepId,
    name: Annotated[
        str, typer.Option("--as", metavar="NAME", help="The name of the registered model; made if it is new.")
    ],
    alias: Annotated[
        str | None, typer.Option("--alias", help="A word that is to lead to this version, such as champion.")
    ] = None,
    url: Url = None,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Register the model of a sweep's best trial in MLflow, as a version of a name."""
    with connect(url, key) as client:
        found = client.register(sweep, name, alias)
    lines = [f"Trial {found['trial']} is version {found['version']} of {found['name']}: {found['uri']}"]
    if found["link"]:
        lines.append(f"See it at {found['link']}")
    Output(as_json).result(found, *lines)
