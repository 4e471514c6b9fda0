"""`python -m workers`: claim a device, waiting while none is free, then take packs from its queue."""

from __future__ import annotations

import logging
import sys

from services.forking import can_fork
from services.settings import Settings
from workers import runner_start
from workers.devices import runner_environment
from workers.runner_process import RunnerProcess


def main() -> int:
    """Run a worker until a signal ends it."""
    settings = Settings.from_environment()
    settings.files.mkdir(parents=True, exist_ok=True)
    runner = None
    if sys.platform == "linux":  # elsewhere it would not end with a supervisor that did not start it
        start = runner_start.fork if can_fork() else runner_start.execute
        runner = RunnerProcess(runner_environment(settings.threads), start)
    # Only now, as a fork would have it, too.
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    # Imported only now, beside the runner's torch: a worker that is started again trains a second earlier.
    from services.store.session import Store
    from workers.app import make_worker
    from workers.claim import wait_for_device

    store = Store(settings.database_url, settings.idle_transaction, settings.lock_timeout)
    claim = wait_for_device(store, settings)
    store.close()  # the child must inherit no connection
    app = make_worker(settings, claim, runner)
    quiet = {"without_gossip": True, "without_mingle": True, "without_heartbeat": True}
    name = claim.worker.replace(":", "-")
    # Without Celery's command line, whose import takes as long as a fourth of all else here.
    app.Worker(hostname=f"{name}@", loglevel="WARNING", **quiet).start()
    return 0


if __name__ == "__main__":
    sys.exit(main())
