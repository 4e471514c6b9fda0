"""The real API on loopback, and a client of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
import uvicorn
from pydantic import SecretStr
from servers.process import free_port

from services.api.app import make_app
from services.client import Client
from services.settings import Settings

KEY = "ein Schlüssel mit Umlaut"


class Api:
    """An API that can be stopped and started again at the same address."""

    def __init__(self, settings: Settings) -> None:
        self._settings, self._port = settings, free_port()
        self.url = f"http://127.0.0.1:{self._port}"
        self.start()

    def start(self) -> None:
        """Serve in a thread."""
        config = uvicorn.Config(
            make_app(self._settings), port=self._port, log_level="warning", lifespan="on", ws="none"
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run)
        self._thread.start()
        while not self._server.started:
            assert self._thread.is_alive()
            time.sleep(0.01)

    def stop(self) -> None:
        """Stop, and wait until it has."""
        self._server.should_exit = True
        self._thread.join()


@pytest.fixture
def running(sqlite_settings: Settings) -> Iterator[Api]:
    """The real API on SQLite."""
    api = Api(sqlite_settings.model_copy(update={"api_key": SecretStr(KEY)}))
    yield api
    api.stop()


@pytest.fixture
def client(running: Api) -> Iterator[Client]:
    """A client with the right key."""
    with Client(running.url, KEY) as opened:
        yield opened


@pytest.fixture
def key() -> str:
    """The API's key."""
    return KEY
