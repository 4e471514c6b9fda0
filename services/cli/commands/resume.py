"""`cnnlab resume`: let a paused sweep continue."""

from __future__ import annotations

from services.cli.connection import connect
from services.cli.parameters import Json, Key, SweepId, Url
from services.cli.show.new_state import print_new_state
from services.cli.subcommand import Panel, subcommand


@subcommand(Panel.SWEEPS, "resume 3f81c09a2e")
def resume(sweep: SweepId, url: Url = None, key: Key = None, as_json: Json = False) -> None:
    """Resume a paused sweep where it stopped."""
    with connect(url, key) as client:
        print_new_state(client.resume(sweep), as_json)
