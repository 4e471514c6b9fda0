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
from services.cli.show.mlflow_links import mlflow_links
from services.cli.show.output import Output
from services.cli.show.paragraph import Paragraph
from services.cli.subcommand import Panel, subcommand


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
    if as_yaml:
        for text in (first_line, leaderboard.titled(point), *comparison):
            sys.stdout.write(f"# {' '.join(escaping.terminal(text).split())}\n")
        sys.stdout.write(specfile.written(winner["spec"]))
        return
    again = f"{command_line('best ' + view['id'] + ' --yaml')} | {command_line('submit -')}"
    Output(as_json).result(
        {**winner, "comparison": view["comparison"]},
        *map(Paragraph, (first_line, leaderboard.titled(point), *comparison)),
        leaderboard.replicates(point),
        *filter(None, [mlflow_links(view)]),
        f"Train it again with: {again}",
    )
