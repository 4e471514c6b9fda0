"""Steering what is submitted: pause, resume, stop, cancel, retry."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer
from rich.markup import escape

from services.cli.connection import Json, Key, Url, connect
from services.cli.errors import Failure
from services.cli.look_commands import SweepId
from services.cli.show.output import Output
from services.cli.show.tables import many
from services.client import ApiError, Client, View

AnyId = Annotated[str, typer.Argument(metavar="ID", help="A sweep's or a trial's id.")]


def pause(sweep: SweepId, url: Url = None, key: Key = None, as_json: Json = False) -> None:
    """Pause a sweep: what runs saves its place and gives its device back."""
    with connect(url, key) as client:
        _told(client.pause(sweep), as_json)


def resume(sweep: SweepId, url: Url = None, key: Key = None, as_json: Json = False) -> None:
    """Let a paused sweep go on where it was."""
    with connect(url, key) as client:
        _told(client.resume(sweep), as_json)


def stop(sweep: SweepId, url: Url = None, key: Key = None, as_json: Json = False) -> None:
    """Stop a sweep in good order: what has begun is finished, nothing else is started."""
    with connect(url, key) as client:
        _told(client.stop(sweep), as_json)


def cancel(identity: AnyId, url: Url = None, key: Key = None, as_json: Json = False) -> None:
    """Cancel a sweep or one trial: what runs stops at its worker's next heartbeat."""
    with connect(url, key) as client:
        _told(_either(client, identity, Client.cancel, Client.cancel_trial), as_json)


def retry(identity: AnyId, url: Url = None, key: Key = None, as_json: Json = False) -> None:
    """Try a sweep's failed and cancelled trials again, or one of them."""
    with connect(url, key) as client:
        _told(_either(client, identity, Client.retry, Client.retry_trial), as_json)


def _either(
    client: Client,
    identity: str,
    of_sweep: Callable[[Client, str], View],
    of_trial: Callable[[Client, str], View],
) -> View:
    """Do it to the sweep with this id, else to the trial with this id."""
    for do in (of_sweep, of_trial):
        try:
            return do(client, identity)
        except ApiError as error:
            if error.status != 404:
                raise
    raise Failure(f"no sweep and no trial {identity!r}; `ls` lists the sweeps, `show SWEEP` its trials")


def _told(view: View, as_json: bool) -> None:
    if "name" in view:
        counts = view["trials"]
        waits = [
            f"{many(counts[name], 'trial')} {name}"
            for name in ("waiting", "queued", "running")
            if counts[name]
        ]
        words = f"{view['name']} is {view['state']}" + (f": {', '.join(waits)}" if waits else "")
    else:
        # A running trial ends with its epoch; until then its state is what it was.
        words = f"t{view['number']:03d} of sweep {view['sweep']} is {view['state']}"
    Output(as_json).result(view, escape(f"{words}."))
