"""`cnnlab best`: a sweep's winner."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from services import escaping
from services.cli import specfile
from services.cli.connection import connect
from services.cli.invocation import command_line
from services.cli.parameters import Json, Key, SweepId, Url
from services.cli.show import leaderboard
from services.cli.show.lineage import fork_arguments, forked_from
from services.cli.show.mlflow_links import mlflow_links
from services.cli.show.output import Output
from services.cli.show.paragraph import Paragraph
from services.cli.subcommand import Panel, subcommand
from services.client import View


@subcommand(Panel.RESULTS, "best 3f81c09a2e --yaml > winner.yaml")
def best(
    sweep: SweepId,
    as_yaml: Annotated[
        bool, typer.Option("--yaml", help="Print a spec that trains the winner again, ready for submit.")
    ] = False,
    url: Url = None,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Show a sweep's best point: its value and interval, whether it beats the runner-up, its trials."""
    with connect(url, key) as client:
        winner, view = client.best(sweep), client.sweep(sweep)
    point = winner["point"]
    comparison = leaderboard.comparison({"points": [point], "comparison": view["comparison"]})
    value = f"{view['objective']['metric']} {point['text']}"
    note = f" ({point['note']})" if point["note"] and view["comparison"] else ""
    first_line = f"{view['name']} {view['state']}: {value}{note}"
    origin = _not_anew(winner)
    if as_yaml:
        for text in (first_line, leaderboard.titled(point), *comparison, *origin):
            sys.stdout.write(f"# {' '.join(escaping.terminal(text).split())}\n")
        sys.stdout.write(specfile.written(winner["spec"]))
        return
    again = f"{command_line('best ' + view['id'] + ' --yaml')} | {command_line('submit -')}"
    Output(as_json).result(
        {**winner, "comparison": view["comparison"]},
        *map(Paragraph, (first_line, leaderboard.titled(point), *comparison, *origin)),
        leaderboard.replicates(point),
        *filter(None, [mlflow_links(view)]),
        f"Train {'its config from the first epoch' if origin else 'it again'} with: {again}",
    )


def _not_anew(winner: View) -> list[str]:
    """What gives the result of a fork, which the spec alone does not."""
    parent = winner["forked_from"]
    if parent is None:
        return []
    return [
        f"This is the result of a fork: it goes on from {forked_from(winner)}.",
        "The spec alone trains these values from the first epoch, which gives another result. As long as "
        f"that checkpoint is the trial's latest, this gives it: {command_line(fork_arguments(parent))}",
    ]
