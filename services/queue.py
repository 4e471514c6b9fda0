"""The Celery contract: queue names, the message, and how an application is made."""

from __future__ import annotations

import logging

from celery import Celery

from services.settings import Settings

TASK = "cnnlab.train_pack"
log = logging.getLogger(__name__)


def queue_of(kind: str) -> str:
    """The queue that devices of a kind serve."""
    return f"train.{kind}"


def make_app(settings: Settings, *, publisher: bool = False) -> Celery:
    """A Celery application; a publisher gives up after two seconds instead of waiting for Redis."""
    app = Celery("cnnlab", broker=settings.redis_url.get_secret_value(), set_as_current=not publisher)
    timeouts = (
        {"socket_timeout": 2, "socket_connect_timeout": 2, "max_retries": 0}
        if publisher
        else {
            "socket_timeout": 30,
            "socket_connect_timeout": 5,
        }
    )
    app.conf.update(
        accept_content=["json"],
        task_serializer="json",
        task_ignore_result=True,
        task_acks_late=False,
        task_reject_on_worker_lost=False,
        task_create_missing_queues=True,
        task_publish_retry=False,
        worker_pool="prefork",
        worker_concurrency=1,
        worker_prefetch_multiplier=1,
        worker_disable_prefetch=True,
        worker_enable_remote_control=False,
        worker_send_task_events=False,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=0 if publisher else None,
        broker_transport_options={
            **timeouts,
            "socket_keepalive": True,
            "health_check_interval": 10,
            "global_keyprefix": settings.queue_prefix,
        },
    )
    return app


class Publisher:
    """Sends wake-ups. A failure is logged and False: upkeep sends again what did not go out."""

    def __init__(self, settings: Settings) -> None:
        self._app = make_app(settings, publisher=True)

    def send(self, pack_id: str, kind: str) -> bool:
        """Announce a queued pack to the workers of a kind of device; says whether Redis took it."""
        try:
            with self._app.connection_for_write() as connection:
                self._app.send_task(
                    TASK,
                    args=[pack_id],
                    queue=queue_of(kind),
                    connection=connection,
                    retry=False,
                    ignore_result=True,
                )
        except Exception as error:  # Redis or the way to it, in whichever of three libraries' words
            log.warning("pack %s not announced, upkeep will try again: %s", pack_id, error)
            return False
        return True

    def reachable(self) -> bool:
        """Whether Redis answers, within two seconds."""
        try:
            with self._app.connection_for_write() as connection:
                connection.default_channel.client.ping()
        except Exception as error:
            log.warning("redis does not answer: %s", error)
            return False
        return True
