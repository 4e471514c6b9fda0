"""`cnnlab submit`: submit a sweep, or see what it would be."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from services.cli import specfile
from services.cli.connection import connect
from services.cli.errors import CliError
from services.cli.invocation import command_line
from services.cli.parameters import Json, Key, Url
from services.cli.show.dry_run import dry_run_report
from services.cli.show.formats import many
from services.cli.show.output import Output
from services.cli.show.whole_sweep import watch_to_the_end
from services.cli.subcommand import Panel, subcommand
from services.client import AnswerLost, ApiError


@subcommand(Panel.SWEEPS, "submit examples/dropout-grid.yaml --watch")
def submit(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="The sweep, as YAML or JSON; - reads standard input.")
    ],
    watch: Annotated[
        bool, typer.Option("--watch", help="Stay and show the progress until the sweep ends.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Submit nothing; show trials, packs, sizes and time.")
    ] = False,
    submission: Annotated[
        str | None,
        typer.Option(
            "--idempotency-key",
            help="A name for this submission: the same name and file again return the same sweep.",
        ),
    ] = None,
    url: Url = None,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Submit a sweep."""
    output = Output(as_json)
    given = specfile.read(file)
    with connect(url, key) as client:
        try:
            answer = client.submit(given.spec, submission, dry_run, output.message)
        except ApiError as error:
            raise given.refused(error) from None
        except AnswerLost as lost:
            again = command_line(f"submit {shlex.quote(str(file))} --idempotency-key {lost.key}")
            raise CliError(f"{lost}: `{again}`") from None
        if dry_run:
            output.result(answer, *dry_run_report(answer))
            return
        submitted = f"Submitted {answer['name']} as {answer['id']}"
        notes = [f"Data: {note}." for note in answer["data_notes"]]
        if watch:
            output.message("\n".join([f"{submitted}.", *notes]))
            raise typer.Exit(watch_to_the_end(client, answer["id"], output))
        output.result(
            answer,
            f"{submitted}: {many(answer['trials']['total'], 'trial')}.",
            *notes,
            f"Watch it with: {command_line('watch ' + answer['id'])}",
        )
