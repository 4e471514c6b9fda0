"""`cnnlab extend`: continue a sweep with more epochs, seeds or points."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from services.cli.connection import connect
from services.cli.errors import CliError
from services.cli.invocation import command_line
from services.cli.parameters import Json, Key, SweepId, Url
from services.cli.points_file import read_points
from services.cli.show.formats import many
from services.cli.show.output import Output
from services.cli.show.whole_sweep import watch_to_the_end
from services.cli.subcommand import Panel, subcommand
from services.client import ApiError


@subcommand(Panel.SWEEPS, "extend 3f81c09a2e --seeds 10")
def extend(
    sweep: SweepId,
    epochs: Annotated[
        int | None, typer.Option("--epochs", min=1, help="How many epochs its trials are to have.")
    ] = None,
    seeds: Annotated[
        int | None, typer.Option("--seeds", min=1, help="How many seeds its points are to have.")
    ] = None,
    points: Annotated[
        Path | None,
        typer.Option("--points", help="File with a list of points to add, in YAML or JSON; - is stdin."),
    ] = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Stay and show the progress until the new sweep ends.")
    ] = False,
    url: Url = None,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Continue a sweep that has ended, with more epochs, seeds or points; trials that it has are reused."""
    if epochs is None and seeds is None and points is None:
        raise CliError("--epochs, --seeds or --points is needed: what the new sweep is to have more of", 2)
    output = Output(as_json)
    file = read_points(points) if points else None
    listed = file.points if file else None
    with connect(url, key) as client:
        try:
            answer = client.extend(sweep, epochs=epochs, seeds=seeds, points=listed, on_wait=output.message)
        except ApiError as error:
            raise (file.refused(error) if file else error) from None
        submitted = f"Submitted {answer['name']} as {answer['id']}, which continues {answer['extends']}"
        if watch:
            output.message(f"{submitted}.")
            raise typer.Exit(watch_to_the_end(client, answer["id"], output))
        trials = many(answer["trials"]["total"], "trial")
        output.result(
            answer,
            f"{submitted}: {trials}, {answer['reused']} of them with epochs that are trained already.",
            f"Watch it with: {command_line('watch ' + answer['id'])}",
        )
