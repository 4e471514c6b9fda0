"""Arguments and options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer


def _given(identity: str) -> str:
    """Refuse an empty id, as of a variable that a script has not set: its address would be that of a list."""
    if not identity:
        raise typer.BadParameter("an id is needed, got ''")
    return identity


SweepId = Annotated[
    str,
    typer.Argument(
        metavar="SWEEP",
        help="A sweep's id, as submit and ls print it, or its beginning.",
        callback=_given,
    ),
]
TrialId = Annotated[
    str,
    typer.Argument(
        metavar="TRIAL",
        help="A trial's id, as show prints it: the sweep's id and a number.",
        callback=_given,
    ),
]
AnyId = Annotated[
    str,
    typer.Argument(
        metavar="ID", help="The id of a sweep or of a trial; its beginning is enough.", callback=_given
    ),
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
