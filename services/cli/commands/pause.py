"""`cnnlab pause`: let a sweep wait without devices."""

from __future__ import annotations

from services.cli.connection import connect
from services.cli.parameters import Json, Key, SweepId, Url
from services.cli.show.new_state import print_new_state
from services.cli.subcommand import Panel, subcommand


@subcommand(Panel.SWEEPS, "pause 3f81c09a2e")
def pause(sweep: SweepId, url: Url = None, key: Key = None, as_json: Json = False) -> None:
    """Pause a sweep: its running trials save a checkpoint and release their devices."""
    with connect(url, key) as client:
        print_new_state(client.pause(sweep), as_json)
