"""`cnnlab show`: a sweep, one of its points, or a trial."""

from __future__ import annotations

from typing import Annotated

import typer

from services.cli.connection import connect
from services.cli.errors import CliError
from services.cli.parameters import AnyId, Json, Key, Url
from services.cli.show import leaderboard, progress
from services.cli.show.failures import failures
from services.cli.show.formats import many, number, state
from services.cli.show.hold_ups import hold_ups
from services.cli.show.lineage import forked_from, forks, origin, reused_words
from services.cli.show.mlflow_links import mlflow_links
from services.cli.show.output import Output
from services.cli.show.paragraph import Paragraph
from services.cli.show.tables import attempts, curves, facts, table
from services.cli.show.trace_page import stopped
from services.cli.subcommand import Panel, subcommand
from services.cli.sweep_or_trial import is_sweep, sweep_or_trial
from services.client import Client, View

MAX_SHOWN_POINTS = 100  # of a leaderboard


@subcommand(Panel.SWEEPS, "show 3f81c09a2e --point 7")
def show(
    identity: AnyId,
    point: Annotated[
        int | None, typer.Option("--point", min=0, help="Show the trials of this point of the sweep.")
    ] = None,
    url: Url = None,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Show a sweep with its best points, one point with its trials, or a trial with its curves."""
    output = Output(as_json)
    with connect(url, key) as client:
        view = sweep_or_trial(client, identity, Client.sweep, Client.trial)
        if not is_sweep(view):
            _show_trial(view, client.sweep(view["sweep"]), output)
        elif point is None:
            _show_sweep(client, view, output)
        else:
            _show_point(client, view, point, output)


def _show_sweep(client: Client, sweep: View, output: Output) -> None:
    board = client.leaderboard(sweep["id"], MAX_SHOWN_POINTS)
    cost = [each for each in [progress.cost(sweep)] if each]
    hidden = sweep["points"] - len(board["points"])
    rest = [f"{many(hidden, 'more point')}, ranked lower or without a trial yet"] if hidden > 0 else []
    notes = () if output.as_json else (*leaderboard.comparison(board), *failures(client, sweep))
    data = [f"data: {note}" for note in sweep["data_notes"]]
    data += [f"classes: {', '.join(of)}" for of in sweep["class_names"]]
    output.result(
        {**sweep, "leaderboard": board["points"]},
        *map(Paragraph, (progress.summary(sweep), *origin(sweep), *hold_ups(sweep), *cost, *data)),
        *filter(None, [mlflow_links(sweep)]),
        leaderboard.leaderboard(sweep, board["points"]),
        *map(Paragraph, (*rest, *notes)),
    )


def _show_point(client: Client, sweep: View, point: int, output: Output) -> None:
    if point >= sweep["points"]:
        raise CliError(
            f"sweep {sweep['id']} has no point {point}: its points are 0 to {sweep['points'] - 1}", 2
        )
    trials = list(client.trials(sweep["id"], point=point))
    if not trials:
        output.result(trials, f"point {point}: none of its trials exists yet")
        return
    folds = ["fold"] if sweep["folds"] > 1 else []
    shown = table("trial", "replicate", *folds, "best", "last", "epoch", "state", "id", spare=(0, 1))
    for trial in trials:
        shown.add_row(
            f"t{trial['number']:03d}",
            str(trial["replicate"]),
            *(str(trial[column]) for column in folds),
            number(trial["best"] and trial["best"]["value"]),
            number(trial["last"]),
            f"{trial['epoch']}/{trial['target_epoch']}",
            state(trial["state"]),
            trial["id"],
        )
    output.result(trials, Paragraph(leaderboard.titled(trials[0])), shown)


def _show_trial(trial: View, sweep: View, output: Output) -> None:
    count = sweep["seeds"] * sweep["folds"]
    seed = f", replicate {trial['replicate']} of {count}" if count > 1 else ""
    seed += "" if trial["fold"] is None else f", fold {trial['fold']}"
    output.result(
        trial,
        facts(
            {
                "trial": f"t{trial['number']:03d} of sweep {trial['sweep']}: point {trial['point']}{seed}",
                "state": state(trial["state"]),
                "epoch": f"{trial['epoch']} of {trial['target_epoch']}",
                "values": trial["label"],
                "forked from": forked_from(trial),
                "forks": forks(trial),
                "stopped": stopped(trial),
                "reused": reused_words(trial),
                "failure": trial["failure"] and trial["failure"]["message"],
                "mlflow": trial["links"]["mlflow"],
            }
        ),
        curves(trial["curve"], sweep["objective"]["metric"], trial["best"], trial["classes_of_metrics"]),
        attempts(trial["attempts"]),
    )
