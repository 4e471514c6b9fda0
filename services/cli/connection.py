"""Which API a command uses: the one at --url, else that of the stack running in this folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2

from services.cli.errors import CliError
from services.cli.invocation import command_line
from services.client import Client
from services.stack.folder import Folder


@contextmanager
def connect(url: str | None, key: str | None) -> Iterator[Client]:
    """Open a client of the API for a block; `CliError` if the API does not answer in it."""
    try:
        client = _at(url, key) if url is not None else _here()
    except ValueError as error:
        raise CliError(str(error), 2) from None
    try:
        with client:
            yield client
    except httpx2.TransportError as error:
        raise CliError(
            f"the API at {url} does not answer ({error}): check the address, and that the API runs there"
            if url is not None
            else "a stack is running in this folder, but its API does not answer yet (it may be restarting): "
            "try again in a few seconds"
        ) from None


def _at(url: str, key: str | None) -> Client:
    """A client of a named API; its key is never that of this folder's stack."""
    if key is None:
        raise CliError(f"no key for the API at {url}: give one with --key or CNNLAB_API_KEY", 2)
    return Client(url, key)


def _here() -> Client:
    folder = Folder(Path.cwd())
    running = folder.running()
    if running is None:
        raise CliError(
            f"no API to connect to: no stack is running in {folder.root}. "
            f"Start one with `{command_line('up')}`, or give another API's address with --url or CNNLAB_URL"
        )
    return Client(running.api, folder.secrets().api_key)
