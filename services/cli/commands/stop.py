"""`cnnlab stop`: end a sweep without losing what has begun."""

from __future__ import annotations

from services.cli.connection import connect
from services.cli.parameters import Json, Key, SweepId, Url
from services.cli.show.new_state import print_new_state
from services.cli.subcommand import Panel, subcommand


@subcommand(Panel.SWEEPS, "stop 3f81c09a2e")
def stop(sweep: SweepId, url: Url = None, key: Key = None, as_json: Json = False) -> None:
    """Stop a sweep gracefully: trials that have begun are finished, no others are started."""
    with connect(url, key) as client:
        print_new_state(client.stop(sweep), as_json)
