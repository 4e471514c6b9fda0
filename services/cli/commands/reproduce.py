"""`cnnlab reproduce`: train a trial again and compare the two curves."""

from __future__ import annotations

import typer

from services.cli.connection import connect
from services.cli.errors import CliError
from services.cli.invocation import command_line
from services.cli.parameters import Json, Key, TrialId, Url
from services.cli.repetition import compare
from services.cli.show.output import Output
from services.cli.show.progress import summary
from services.cli.subcommand import Panel, subcommand
from services.client import Client, View


@subcommand(Panel.RESULTS, "reproduce 3f81c09a2e-0007")
def reproduce(trial: TrialId, url: Url = None, key: Key = None, as_json: Json = False) -> None:
    """Train a trial again with its seed, width and row, and compare; exit code 0 if bit-equal."""
    output = Output(as_json)
    with connect(url, key) as client:
        sweep = client.reproduce(trial)
        output.message(f"Training {trial} again, as sweep {sweep['id']}.")
        rerun = client.trial(_wait_for_trial(client, sweep, output))
        original = client.trial(trial)
    repetition = compare(original, rerun)
    output.result({"trial": trial, "rerun": rerun["id"], **repetition.as_json()}, *repetition.lines())
    raise typer.Exit(0 if repetition.bit_equal else 1)


def _wait_for_trial(client: Client, sweep: View, output: Output) -> str:
    """Wait for the end of a sweep of one trial; returns that trial's id. `CliError` if it was cancelled."""
    printed = ""
    try:
        for view in client.watch(sweep["id"]):
            line = summary(view)
            if line != printed:
                output.message(line)
            printed, last = line, view
    except KeyboardInterrupt:
        hint = command_line("show " + sweep["id"])
        raise CliError(f"the rerun continues without you; see it with `{hint}`", 130) from None
    [trial] = client.trials(sweep["id"]) if last["state"] != "cancelled" else [None]
    if trial is None or trial["state"] == "cancelled":
        raise CliError(f"the rerun was cancelled, so there is nothing to compare (sweep {sweep['id']})")
    return str(trial["id"])
