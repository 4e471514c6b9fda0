"""The real API on loopback, and a client of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pydantic import SecretStr
from served_api import ServedApi

from services.client import Client
from services.settings import Settings

KEY = "ein Schlüssel mit Umlaut"


@pytest.fixture
def running(sqlite_settings: Settings) -> Iterator[ServedApi]:
    """The real API on SQLite."""
    api = ServedApi(sqlite_settings.model_copy(update={"api_key": SecretStr(KEY)}))
    yield api
    api.stop()


@pytest.fixture
def client(running: ServedApi) -> Iterator[Client]:
    """A client with the right key."""
    with Client(running.url, KEY) as opened:
        yield opened


@pytest.fixture
def key() -> str:
    """The API's key."""
    return KEY
