"""Training a trial again, and comparing the two curves."""

from __future__ import annotations

import typer
from rich.markup import escape

from services.cli.connection import Json, Key, Url, connect
from services.cli.errors import Failure
from services.cli.repetition import compare
from services.cli.show.output import Output
from services.cli.show.progress import in_words
from services.cli.trace_command import TrialId
from services.cli.typed import typed
from services.client import Client, View


def reproduce(trial: TrialId, url: Url = None, key: Key = None, as_json: Json = False) -> None:
    """Train a trial again with its seed, width and row, and compare the curves; exit code 0: bit-equal."""
    output = Output(as_json)
    with connect(url, key) as client:
        sweep = client.reproduce(trial)
        output.say(f"Trains {trial} again as sweep {sweep['id']}.")
        rerun = client.trial(_ended(client, sweep, output))
        original = client.trial(trial)
    found = compare(original, rerun)
    output.result(
        {"trial": trial, "rerun": rerun["id"], **found.as_json()},
        *map(escape, found.in_words()),
    )
    raise typer.Exit(0 if found.bit_equal else 1)


def _ended(client: Client, sweep: View, output: Output) -> str:
    """Wait for the sweep of one trial; returns that trial's id, or fails where it came to nothing."""
    said = ""
    try:
        for view in client.watch(sweep["id"]):
            words = in_words(view)
            if words != said:
                output.say(words)
            said, last = words, view
    except KeyboardInterrupt:
        raise Failure(
            f"the rerun goes on without you; see it with `{typed('show ' + sweep['id'])}`", 130
        ) from None
    [trial] = client.trials(sweep["id"]) if last["state"] != "cancelled" else [None]
    if trial is None or trial["state"] == "cancelled":
        raise Failure(f"the rerun was cancelled, so there is nothing to compare (sweep {sweep['id']})")
    return str(trial["id"])
