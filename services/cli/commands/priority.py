"""`cnnlab priority`: serve a sweep before others, or after them."""

from __future__ import annotations

from typing import Annotated

import typer

from services.cli.connection import connect
from services.cli.parameters import Json, Key, SweepId, Url
from services.cli.show.new_state import print_new_state
from services.cli.subcommand import Panel, subcommand
from services.domain.spec.spec import MAX_PRIORITY

Number = Annotated[
    int,
    typer.Argument(
        metavar="NUMBER",
        min=-MAX_PRIORITY,
        max=MAX_PRIORITY,
        help="The highest is served first; 0 is usual.",
    ),
]


@subcommand(Panel.SWEEPS, "priority 3f81c09a2e 5")
def priority(sweep: SweepId, number: Number, url: Url = None, key: Key = None, as_json: Json = False) -> None:
    """Change a sweep's priority: it is served before sweeps of a lower one; what trains goes on."""
    with connect(url, key) as client:
        print_new_state(client.set_priority(sweep, number), as_json)
