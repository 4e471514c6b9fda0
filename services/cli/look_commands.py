"""Looking at sweeps and trials: watch, ls, show."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.markup import escape

from services.cli import failures, leaderboard, progress, tables
from services.cli.connection import Json, Key, Url, connect
from services.cli.errors import Failure
from services.cli.mlflow_links import mlflow
from services.cli.output import Output
from services.cli.sweeps_table import sweeps
from services.cli.typed import typed
from services.client import ApiError, Client, View
from services.domain.errors import nearest
from services.domain.states import SweepState

SweepId = Annotated[str, typer.Argument(metavar="SWEEP", help="A sweep's id, as submit and ls print it.")]
BEST = 10  # points of a leaderboard that are shown at the end of a sweep
SHOWN = 100  # points that show prints


def watch(sweep: SweepId, url: Url = None, key: Key = None, as_json: Json = False) -> None:
    """Show a sweep's progress until it ends; the exit code is 0 if every trial succeeded."""
    with connect(url, key) as client:
        raise typer.Exit(stay(client, sweep, Output(as_json)))


def ls(
    state: Annotated[
        list[str] | None, typer.Option("--state", help="Only sweeps in this state; repeat it for more.")
    ] = None,
    project: Annotated[str | None, typer.Option("--project", help="Only sweeps of this project.")] = None,
    name: Annotated[str | None, typer.Option("--name", help="Only sweeps with this in their name.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many.")] = 50,
    url: Url = None,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """List the latest sweeps."""
    states = [each.value for each in SweepState]
    for given in state or ():
        if given not in states:
            raise Failure(f"no state {given!r}.{nearest(given, states)} Known: {', '.join(states)}", 2)
    with connect(url, key) as client:
        found = list(client.sweeps(state=state or (), project=project, name=name, limit=limit))
    empty = f"No sweeps yet: submit one with `{typed('submit FILE')}`."
    if state or project or name:
        empty = "No sweep is like that."
    Output(as_json).result(found, sweeps(found) if found else empty)


def show(
    identity: Annotated[str, typer.Argument(metavar="ID", help="A sweep's or a trial's id.")],
    point: Annotated[
        int | None, typer.Option("--point", min=0, help="Of a sweep: one point's trials.")
    ] = None,
    url: Url = None,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Show a sweep with its best points, one point with its trials, or a trial with its curves."""
    output = Output(as_json)
    with connect(url, key) as client:
        try:
            sweep = client.sweep(identity)
        except ApiError as error:
            if error.status != 404:
                raise
            trial = _trial(client, identity)
            _show_trial(trial, client.sweep(trial["sweep"]), output)
        else:
            if point is None:
                _show_sweep(client, sweep, output)
            else:
                _show_point(client, sweep, point, output)


def _trial(client: Client, identity: str) -> View:
    try:
        return client.trial(identity)
    except ApiError as error:
        if error.status != 404:
            raise
    raise Failure(
        f"no sweep and no trial {identity!r}; `{typed('ls')}` lists the sweeps, "
        f"`{typed('show SWEEP')}` its trials"
    )


def stay(client: Client, identity: str, output: Output) -> int:
    """Watch a sweep to its end and tell what it has found; returns the exit code."""
    try:
        last = progress.follow(client.watch(identity), output)
    except KeyboardInterrupt:
        output.say(f"The sweep goes on without you; see it again with: {typed(f'watch {identity}')}")
        return 130
    if not output.as_json:
        board = client.leaderboard(identity, BEST)
        output.console.print(leaderboard.leaderboard(last, board["points"]))
        for line in (*leaderboard.verdict(board), *failures.told(client, last), progress.price(last)):
            if line:
                output.say(line)
        if links := mlflow(last):
            output.console.print(links)
    return 0 if last["state"] == "succeeded" else 1


def _show_sweep(client: Client, sweep: View, output: Output) -> None:
    board = client.leaderboard(sweep["id"], SHOWN)
    known = [tables.facts({"price": progress.price(sweep)}), mlflow(sweep)]
    hidden = sweep["points"] - len(board["points"])
    rest = [f"{tables.many(hidden, 'point')} more without a trial or further down"] if hidden > 0 else []
    told = () if output.as_json else (*leaderboard.verdict(board), *failures.told(client, sweep))
    output.result(
        {**sweep, "leaderboard": board["points"]},
        escape(progress.in_words(sweep)),
        *filter(None, known),
        leaderboard.leaderboard(sweep, board["points"]),
        *map(escape, (*rest, *told)),
    )


def _show_point(client: Client, sweep: View, number: int, output: Output) -> None:
    if number >= sweep["points"]:
        raise Failure(
            f"sweep {sweep['id']} has no point {number}: its points are 0 to {sweep['points'] - 1}", 2
        )
    trials = list(client.trials(sweep["id"], point=number))
    shown = tables.table("trial", "replicate", "best", "last", "epoch", "state", "id")
    for trial in trials:
        shown.add_row(
            f"t{trial['number']:03d}",
            str(trial["replicate"]),
            tables.number(trial["best"] and trial["best"]["value"]),
            tables.number(trial["last"]),
            f"{trial['epoch']}/{trial['target_epoch']}",
            tables.state(trial["state"]),
            trial["id"],
        )
    title = leaderboard.titled(trials[0]) if trials else f"point {number}: none of its trials is drawn yet"
    output.result(trials, escape(title), *([shown] if trials else []))


def _show_trial(trial: Any, sweep: View, output: Output) -> None:
    seed = f", replicate {trial['replicate']} of {sweep['seeds']}" if sweep["seeds"] > 1 else ""
    output.result(
        trial,
        tables.facts(
            {
                "trial": f"t{trial['number']:03d} of sweep {trial['sweep']}: point {trial['point']}{seed}",
                "state": tables.state(trial["state"]),
                "epoch": f"{trial['epoch']} of {trial['target_epoch']}",
                "values": trial["label"],
                "failure": trial["failure"] and trial["failure"]["message"],
                "mlflow": trial["links"]["mlflow"],
            }
        ),
        tables.curves(trial["curve"], sweep["objective"]["metric"], trial["best"]),
        tables.attempts(trial["attempts"]),
    )
