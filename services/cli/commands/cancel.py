"""`cnnlab cancel`: end a sweep or a trial now."""

from __future__ import annotations

from services.cli.connection import connect
from services.cli.parameters import AnyId, Json, Key, Url
from services.cli.show.new_state import print_new_state
from services.cli.subcommand import Panel, subcommand
from services.cli.sweep_or_trial import sweep_or_trial
from services.client import Client


@subcommand(Panel.SWEEPS, "cancel 3f81c09a2e")
def cancel(identity: AnyId, url: Url = None, key: Key = None, as_json: Json = False) -> None:
    """Cancel a sweep or one trial: running trials stop at the next heartbeat of their worker."""
    with connect(url, key) as client:
        print_new_state(sweep_or_trial(client, identity, Client.cancel, Client.cancel_trial), as_json)
