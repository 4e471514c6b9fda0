"""Which API a command talks to: the one it is told, else the one whose stack runs in this folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from services.cli.errors import Failure
from services.client import Client
from services.stack.folder import Folder

Url = Annotated[
    str | None,
    typer.Option(
        "--url", envvar="CNNLAB_URL", help="The API's address; without it, the stack running in this folder."
    ),
]
Key = Annotated[
    str | None,
    typer.Option(
        "--key", envvar="CNNLAB_API_KEY", help="The key of the API named by --url.", show_envvar=True
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


def connect(url: str | None, key: str | None) -> Client:
    """A client of the API. An address and its key come from the same place."""
    if url is not None:
        if key is None:
            raise Failure(f"no key for {url}: give one with --key or CNNLAB_API_KEY", 2)
        return Client(url, key)
    folder = Folder(Path.cwd())
    running = folder.running()
    if running is None:
        raise Failure(
            f"no API to talk to: no stack is running in {folder.root}. "
            "Start one with `cnnlab up`, or name another one's address with --url or CNNLAB_URL"
        )
    return Client(running.api, folder.secrets().api_key)
