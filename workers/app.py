"""The Celery application and its one task; the message is a wake-up, SQL decides what it means."""

from __future__ import annotations

import logging
import os
import signal
from typing import Any

from celery import Celery, bootsteps
from celery.signals import worker_process_init, worker_process_shutdown, worker_shutting_down

from services.host import end_with_parent
from services.queue import TASK, make_worker_app, queue_of
from services.settings import Settings
from workers.claim import Claim
from workers.main_process import SIGN_SECONDS, MainProcess
from workers.runner_process import RunnerProcess
from workers.supervisor import Supervisor

log = logging.getLogger(__name__)
MAX_CHILD_STARTS = 5  # in a row, of children that end before their first heartbeat


def make_worker(settings: Settings, claim: Claim, runner: RunnerProcess | None = None) -> Celery:
    """Make the application of a worker that has claimed a device: one child, one pack at a time.

    Its first child uses `runner`, which this process has started while it imported all else.
    """
    app = make_worker_app(settings)
    app.conf.task_default_queue = queue_of(claim.device.kind)
    shutdown_read, shutdown_write = os.pipe()
    main = MainProcess()
    app.steps["consumer"].add(signs_of(main))
    supervisors: list[Supervisor] = []  # the child's own, made after the fork

    @app.task(name=TASK, shared=False)
    def train_pack(pack_id: str) -> None:
        # The pool has set a handler of its own by now. A child that is told to end has the whole worker end:
        # its main process announces that, the runner saves, and the pack is given back.
        signal.signal(signal.SIGTERM, lambda *_: os.kill(main.pid, signal.SIGTERM))
        supervisors[0].train(pack_id)

    @worker_process_init.connect(weak=False)
    def on_child_start(**_: Any) -> None:
        end_with_parent(main.pid, signal.SIGKILL)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the main process announces a shutdown
        if main.count_start() > MAX_CHILD_STARTS:
            log.error("this worker ends, because %d children in a row ended at once", MAX_CHILD_STARTS)
            os.kill(main.pid, signal.SIGTERM)
            return
        try:
            early = runner
            if early and main.has_restarted():  # no child of the last supervisor, so it has not ended with it
                early.close()
                early = None
            supervisors.append(Supervisor(settings, claim, main, shutdown_read, early))
            supervisors[0].start()
        except Exception:
            # Celery would go on with a child that takes messages and trains nothing.
            log.exception("this worker ends, because its supervisor did not start")
            os.kill(main.pid, signal.SIGTERM)

    @worker_process_shutdown.connect(weak=False)
    def on_child_end(**_: Any) -> None:
        while supervisors:
            supervisors.pop().close()

    @worker_shutting_down.connect(weak=False)
    def on_shutdown(**_: Any) -> None:
        os.write(shutdown_write, b"x")

    return app


def signs_of(main: MainProcess) -> type[bootsteps.StartStopStep]:
    """Make the step that has the loop which takes messages show that it goes round."""

    class Signs(bootsteps.StartStopStep):  # type: ignore[misc]
        def start(self, consumer: Any) -> None:
            self._timer = consumer.timer.call_repeatedly(SIGN_SECONDS, main.give_sign)

        def stop(self, consumer: Any) -> None:
            self._timer.cancel()

        shutdown = stop

    return Signs
