"""The commands that talk to an API: submit, watch, ls, show, cancel."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from services.cli import failures, specfile, tables
from services.cli.connection import Json, Key, Url, connect
from services.cli.output import Output
from services.cli.progress import follow, in_words, price
from services.cli.typed import typed
from services.client import ApiError, Client

SweepId = Annotated[str, typer.Argument(metavar="SWEEP", help="A sweep's id, as submit and ls print it.")]


def submit(
    file: Annotated[Path, typer.Argument(help="The sweep, as YAML or JSON.")],
    watch: Annotated[bool, typer.Option("--watch", help="Stay and show the progress until the end.")] = False,
    url: Url = None,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Submit a sweep."""
    output = Output(as_json)
    spec = specfile.read(file)
    with connect(url, key) as client:
        sweep = client.submit(spec)
        if watch:
            output.say(f"Submitted {sweep['name']} as {sweep['id']}.")
            raise typer.Exit(_watch(client, sweep["id"], output))
        output.result(
            sweep,
            f"Submitted {sweep['name']} as {sweep['id']}: {tables.many(sweep['trials']['total'], 'trial')}.",
            f"Watch it with: {typed('watch ' + sweep['id'])}",
        )


def watch(sweep: SweepId, url: Url = None, key: Key = None, as_json: Json = False) -> None:
    """Show a sweep's progress until it ends; the exit code is 0 if every trial succeeded."""
    with connect(url, key) as client:
        raise typer.Exit(_watch(client, sweep, Output(as_json)))


def ls(url: Url = None, key: Key = None, as_json: Json = False) -> None:
    """List the latest sweeps."""
    with connect(url, key) as client:
        found = client.sweeps()
    empty = f"No sweeps yet: submit one with `{typed('submit FILE')}`."
    Output(as_json).result(found, tables.sweeps(found) if found else empty)


def show(
    identity: Annotated[str, typer.Argument(metavar="ID", help="A sweep's or a trial's id.")],
    url: Url = None,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Show a sweep with its best trials, or a trial with its curves."""
    output = Output(as_json)
    with connect(url, key) as client:
        try:
            sweep = client.sweep(identity)
        except ApiError as error:
            if error.status != 404:
                raise
            trial = client.trial(identity)
            _show_trial(trial, client.sweep(trial["sweep"])["objective"]["metric"], output)
        else:
            _show_sweep(client, sweep, output)


def cancel(sweep: SweepId, url: Url = None, key: Key = None, as_json: Json = False) -> None:
    """Cancel a sweep: what runs stops at its worker's next heartbeat."""
    with connect(url, key) as client:
        view = client.cancel(sweep)
    Output(as_json).result(view, f"{view['name']} is {view['state']}.")


def _watch(client: Client, identity: str, output: Output) -> int:
    try:
        last = follow(client.watch(identity), output)
    except KeyboardInterrupt:
        output.say(f"The sweep goes on without you; see it again with: {typed(f'watch {identity}')}")
        return 130
    if not output.as_json:
        ending(client, last, output)
    return 0 if last["state"] == "succeeded" else 1


def ending(client: Client, sweep: tables.View, output: Output) -> None:
    """What a finished sweep has found: its best ten trials, why others failed, its price, its MLflow."""
    output.console.print(tables.leaderboard(sweep, client.trials(sweep["id"])[:10]))
    for line in (*failures.told(client, sweep), price(sweep), sweep["links"]["mlflow"]):
        if line:
            output.say(line)


def _show_sweep(client: Client, sweep: Any, output: Output) -> None:
    trials = client.trials(sweep["id"])
    known = tables.facts({"price": price(sweep), "mlflow": sweep["links"]["mlflow"]})
    output.result(
        {**sweep, "leaderboard": trials},
        escape(in_words(sweep)),
        *filter(None, [known]),
        tables.leaderboard(sweep, trials),
        *map(escape, () if output.as_json else failures.told(client, sweep)),
    )


def _show_trial(trial: Any, objective: str, output: Output) -> None:
    output.result(
        trial,
        tables.facts(
            {
                "trial": f"t{trial['number']:03d} of sweep {trial['sweep']}",
                "state": tables.state(trial["state"]),
                "epoch": f"{trial['epoch']} of {trial['target_epoch']}",
                **{path: tables.label(value, []) for path, value in trial["values"].items()},
                "failure": trial["failure"] and trial["failure"]["message"],
                "mlflow": trial["links"]["mlflow"],
            }
        ),
        tables.curves(trial["curve"], objective, trial["best"]),
        tables.attempts(trial["attempts"]),
    )
