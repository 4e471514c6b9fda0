"""The queue: its names, its one message, and the Celery applications of both its ends."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from celery import Celery

from services.settings import Settings

TASK = "cnnlab.train_pack"
MAX_REST_SECONDS = 1.0  # of a connection, after which another is made: Redis may have been started again
log = logging.getLogger(__name__)


def queue_of(kind: str) -> str:
    """Name the queue that devices of a kind serve."""
    return f"train.{kind}"


def make_worker_app(settings: Settings) -> Celery:
    """Make the Celery application of a worker, which waits for Redis as long as it takes."""
    app = Celery("cnnlab", broker=settings.redis_url.get_secret_value())
    app.conf.update(
        **_common(settings, socket_timeout=30, socket_connect_timeout=5), broker_connection_max_retries=None
    )
    return app


def make_publisher_app(settings: Settings) -> Celery:
    """Make an application that only sends, and gives up after two seconds without Redis."""
    app = Celery("cnnlab", broker=settings.redis_url.get_secret_value(), set_as_current=False)
    app.conf.update(
        **_common(settings, socket_timeout=2, socket_connect_timeout=2, max_retries=0),
        broker_connection_max_retries=0,
    )
    return app


def _common(settings: Settings, **transport: int) -> dict[str, Any]:
    """What both ends of the queue agree on; `transport` holds time-outs in seconds.

    The message is a wake-up: it is acknowledged at once and has no result, because SQL holds the state.
    """
    return {
        "accept_content": ["json"],
        "task_serializer": "json",
        "task_ignore_result": True,
        "task_acks_late": False,
        "task_reject_on_worker_lost": False,
        "task_create_missing_queues": True,
        "task_publish_retry": False,
        "worker_pool": "prefork",
        "worker_concurrency": 1,
        "worker_prefetch_multiplier": 1,
        "worker_disable_prefetch": True,
        "worker_enable_remote_control": False,
        "worker_send_task_events": False,
        "worker_hijack_root_logger": False,
        "worker_redirect_stdouts": False,
        "worker_cancel_long_running_tasks_on_connection_loss": False,
        "broker_connection_retry_on_startup": True,
        "broker_transport_options": {
            **transport,
            "socket_keepalive": True,
            "health_check_interval": 10,
            "global_keyprefix": settings.queue_prefix,
        },
    }


class Publisher:
    """Sends wake-ups: whoever dispatches holds one. A failure is logged, and upkeep sends again later.

    What follows at once goes over the connection that is there: to make one takes longer than ten messages.
    """

    def __init__(self, settings: Settings) -> None:
        self._app = make_publisher_app(settings)
        self._rests: deque[tuple[Any, float]] = deque()  # at most one, and since when

    def send(self, pack_id: str, kind: str) -> bool:
        """Announce a queued pack to the workers of a kind of device; return whether Redis took it."""
        try:
            with self._connection() as connection:
                self._app.send_task(
                    TASK,
                    args=[pack_id],
                    queue=queue_of(kind),
                    connection=connection,
                    retry=False,
                    ignore_result=True,
                )
        except Exception as error:  # of Redis, redis-py, kombu or Celery
            log.warning("pack %s was not announced, upkeep will try again: %s", pack_id, error)
            return False
        return True

    def waiting(self, kind: str) -> int | None:
        """Count the messages that wait for devices of a kind; None if Redis does not answer."""
        try:
            with self._connection() as connection:
                return int(connection.default_channel.client.llen(queue_of(kind)))
        except Exception as error:  # of Redis, redis-py, kombu or Celery
            log.warning("Redis does not answer, upkeep will try again: %s", error)
            return None

    def reachable(self) -> bool:
        """Whether Redis answers, within two seconds."""
        try:
            with self._connection() as connection:
                connection.default_channel.client.ping()
        except Exception as error:
            log.warning("Redis does not answer: %s", error)
            return False
        return True

    @contextmanager
    def _connection(self) -> Iterator[Any]:
        """Lend the connection of a moment ago, unless another thread has it, or a new one."""
        try:
            connection, since = self._rests.pop()
            if time.monotonic() - since > MAX_REST_SECONDS:
                connection.close()
                connection = self._app.connection_for_write()
        except IndexError:
            connection = self._app.connection_for_write()
        try:
            yield connection
        except BaseException:
            connection.close()
            raise
        if self._rests:
            connection.close()
        else:
            self._rests.append((connection, time.monotonic()))
