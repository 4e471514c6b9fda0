"""Arguments and options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

SweepId = Annotated[
    str, typer.Argument(metavar="SWEEP", help="A sweep's id, as submit and ls print it, or its beginning.")
]
TrialId = Annotated[
    str,
    typer.Argument(metavar="TRIAL", help="A trial's id, as show prints it: the sweep's id and a number."),
]
AnyId = Annotated[
    str,
    typer.Argument(metavar="ID", help="The id of a sweep or of a trial; its beginning is enough."),
]
Url = Annotated[
    str | None,
    typer.Option(
        "--url", envvar="CNNLAB_URL", help="The API's address; default: the stack running in this folder."
    ),
]
Key = Annotated[
    str | None,
    typer.Option("--key", envvar="CNNLAB_API_KEY", help="The key of the API at --url.", show_envvar=True),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
Workers = Annotated[
    int | None,
    typer.Option(
        "--workers",
        min=1,
        help="How many worker processes; default: one per GPU, or without GPUs one per core.",
    ),
]
