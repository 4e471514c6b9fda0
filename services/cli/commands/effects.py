"""`cnnlab effects`: what the axes of a sweep do to its objective."""

from __future__ import annotations

from typing import Annotated

import typer

from services.cli.connection import connect
from services.cli.parameters import Json, Key, SweepId, Url
from services.cli.show import effects_table
from services.cli.show.output import Output
from services.cli.show.paragraph import Paragraph
from services.cli.subcommand import Panel, subcommand


@subcommand(Panel.RESULTS, "effects 3f81c09a2e")
def effects(
    sweep: SweepId,
    epoch: Annotated[
        int | None,
        typer.Option(
            "--epoch",
            min=1,
            help="The epoch at which points are compared; default: the last one that all have reached.",
        ),
    ] = None,
    url: Url = None,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Show the mean effect of each value of each axis, with intervals, and how important each axis is."""
    with connect(url, key) as client:
        view = client.effects(sweep, epoch)
    Output(as_json).result(
        view,
        *map(Paragraph, effects_table.summary(view)),
        *filter(None, [effects_table.importances(view)]),
        effects_table.levels(view),
    )
