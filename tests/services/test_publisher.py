"""A publisher tries once: whoever waits for it has better things to do."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from services.queue import Publisher
from services.settings import Settings


class Slammed:
    """Stands where Redis should, takes every connection and drops it; counts them."""

    def __init__(self) -> None:
        self.calls = 0
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = SecretStr(f"redis://127.0.0.1:{self._listening.getsockname()[1]}/0")
        self._thread = threading.Thread(target=self._answer)
        self._thread.start()

    def _answer(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            self.calls += 1
            connection.close()

    def close(self) -> None:
        """Stop, and wait until it has."""
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join()


@pytest.fixture
def slammed() -> Iterator[Slammed]:
    """A port at which nothing works."""
    door = Slammed()
    yield door
    door.close()


def test_a_redis_that_does_not_work_is_tried_once(slammed: Slammed, sqlite_settings: Settings) -> None:
    publisher = Publisher(sqlite_settings.model_copy(update={"redis_url": slammed.url}))
    assert publisher.send("a pack", "cpu") is False
    assert slammed.calls == 1
    assert publisher.reachable() is False
    assert slammed.calls == 2


def test_a_redis_that_works(redis_url: str, sqlite_settings: Settings) -> None:
    update = {"redis_url": SecretStr(redis_url), "queue_prefix": "publisher-test:"}
    publisher = Publisher(sqlite_settings.model_copy(update=update))
    assert publisher.reachable()
    assert publisher.send("a pack", "cpu")
