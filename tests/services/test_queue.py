"""services/queue.py: a publisher tries once, because its caller does not wait; a worker waits for Redis."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest
from module_clock import set_clock
from pydantic import SecretStr

from services import queue
from services.queue import TASK, Publisher, make_publisher_app, make_worker_app, queue_of
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
    assert publisher.waiting("cpu") is None
    assert publisher.reachable() is False
    assert slammed.calls == 3


def test_a_redis_that_works(redis_url: str, sqlite_settings: Settings) -> None:
    update = {"redis_url": SecretStr(redis_url), "queue_prefix": "publisher-test:"}
    publisher = Publisher(sqlite_settings.model_copy(update=update))
    assert publisher.reachable()
    assert publisher.waiting("cpu") == 0
    assert publisher.send("a pack", "cpu")
    assert (publisher.waiting("cpu"), publisher.waiting("cuda")) == (1, 0)
    with make_worker_app(sqlite_settings.model_copy(update=update)).connection_for_read() as connection:
        message = connection.SimpleQueue(queue_of("cpu")).get(timeout=5)
        assert message.headers["task"] == TASK
        assert message.payload[0] == ["a pack"]
        message.ack()


def test_what_follows_at_once_goes_over_one_connection(
    redis_url: str, sqlite_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    set_clock(monkeypatch, queue, monotonic=lambda: now[0])
    update = {"redis_url": SecretStr(redis_url), "queue_prefix": "connections-test:"}
    publisher = Publisher(sqlite_settings.model_copy(update=update))
    with publisher._app.connection_for_read() as watching:
        stats = watching.default_channel.client

        def made() -> int:
            return int(stats.info("stats")["total_connections_received"])

        assert publisher.send("a pack", "cpu")
        before = made()
        assert [publisher.send("a pack", "cpu") for _ in range(3)] == [True] * 3
        assert publisher.waiting("cpu") == 4
        assert made() == before
        now[0] += 1.5  # meanwhile Redis may have been started again
        assert publisher.waiting("cpu") == 4
        assert made() > before
        stats.delete(queue_of("cpu"))


def test_threads_that_send_at_once_do_not_share_a_connection(
    redis_url: str, sqlite_settings: Settings
) -> None:
    update = {"redis_url": SecretStr(redis_url), "queue_prefix": "threads-test:"}
    publisher = Publisher(sqlite_settings.model_copy(update=update))
    with publisher._connection() as rested:
        pass
    with publisher._connection() as mine, publisher._connection() as another:
        assert mine is rested
        assert mine is not another
    with publisher._connection() as later:
        assert later in (mine, another)


def test_both_ends_agree_and_only_the_worker_waits(sqlite_settings: Settings) -> None:
    settings = sqlite_settings.model_copy(update={"queue_prefix": "tried:"})
    worker, publisher = make_worker_app(settings).conf, make_publisher_app(settings).conf
    for conf in (worker, publisher):
        assert conf.broker_url == settings.redis_url.get_secret_value()
        assert conf.broker_transport_options["global_keyprefix"] == "tried:"
        assert (conf.task_serializer, conf.accept_content) == ("json", ["json"])
        assert (conf.task_ignore_result, conf.task_acks_late) == (True, False)
    assert (worker.broker_connection_max_retries, publisher.broker_connection_max_retries) == (None, 0)
    assert publisher.broker_transport_options["max_retries"] == 0
    assert "max_retries" not in worker.broker_transport_options


def test_a_publisher_does_not_become_the_process_s_application(sqlite_settings: Settings) -> None:
    from celery import current_app

    before = current_app._get_current_object()
    make_publisher_app(sqlite_settings)
    assert current_app._get_current_object() is before


def test_a_redis_that_hangs_costs_seconds_not_for_ever(sqlite_settings: Settings) -> None:
    with socket.socket() as silent:  # accepts, and never answers
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = SecretStr(f"redis://:x@127.0.0.1:{silent.getsockname()[1]}/0")
        publisher = Publisher(sqlite_settings.model_copy(update={"redis_url": url}))
        started = time.monotonic()
        assert not publisher.send("pack", "cpu")
        assert time.monotonic() - started < 20


def test_a_redis_that_is_away_is_only_logged(sqlite_settings: Settings) -> None:
    assert not Publisher(sqlite_settings).send("pack", "cpu")
