"""Which API a command talks to: the one it is told, else the one whose stack runs in this folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import httpx2
import typer

from services.cli.errors import Failure
from services.cli.typed import typed
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


@contextmanager
def connect(url: str | None, key: str | None) -> Iterator[Client]:
    """A client of the API for a block; where nobody answers in it, `Failure` says what to do."""
    client = _named(url, key) if url is not None else _here()
    try:
        with client:
            yield client
    except httpx2.TransportError as error:
        raise Failure(
            f"the API at {url} does not answer ({error}): is its address right, and does it run there?"
            if url is not None
            else "the stack in this folder runs, but its API does not answer yet (it may be starting again): "
            "try again in a few seconds"
        ) from None


def _named(url: str, key: str | None) -> Client:
    """An address and its key come from the same place."""
    if key is None:
        raise Failure(f"no key for {url}: give one with --key or CNNLAB_API_KEY", 2)
    return Client(url, key)


def _here() -> Client:
    folder = Folder(Path.cwd())
    running = folder.running()
    if running is None:
        raise Failure(
            f"no API to talk to: no stack is running in {folder.root}. "
            f"Start one with `{typed('up')}`, or name another one's address with --url or CNNLAB_URL"
        )
    return Client(running.api, folder.secrets().api_key)
