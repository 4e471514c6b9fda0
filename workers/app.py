"""The Celery application and its one task; the message is a wake-up, SQL decides what it means."""

from __future__ import annotations

import os
import signal
from typing import Any

from celery import Celery
from celery.signals import worker_process_init, worker_process_shutdown, worker_shutting_down

from services.host import end_with_parent
from services.queue import TASK, make_worker_app, queue_of
from services.settings import Settings
from workers.claim import Claim
from workers.supervisor import Supervisor


def make_worker(settings: Settings, claim: Claim) -> Celery:
    """Make the application of a worker that has claimed a device: one child, one pack at a time."""
    app = make_worker_app(settings)
    app.conf.task_default_queue = queue_of(claim.device.kind)
    shutdown_read, shutdown_write = os.pipe()
    main = os.getpid()
    supervisors: list[Supervisor] = []  # the child's own, made after the fork

    @app.task(name=TASK)
    def train_pack(pack_id: str) -> None:
        # A quick shutdown signals the child, and the pool has set a handler of its own by now.
        signal.signal(signal.SIGTERM, lambda *_: os.write(shutdown_write, b"x"))
        supervisors[0].train(pack_id)

    @worker_process_init.connect(weak=False)
    def on_child_start(**_: Any) -> None:
        end_with_parent(main, signal.SIGKILL)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the main process announces a shutdown
        supervisors.append(Supervisor(settings, claim, shutdown_read))
        supervisors[0].start()

    @worker_process_shutdown.connect(weak=False)
    def on_child_end(**_: Any) -> None:
        supervisors.pop().close()

    @worker_shutting_down.connect(weak=False)
    def on_shutdown(**_: Any) -> None:
        os.write(shutdown_write, b"x")

    return app
