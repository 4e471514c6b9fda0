"""`python -m services.upkeep`: do the chores, round after round, until SIGTERM or SIGINT."""

from __future__ import annotations

import logging
import signal
import sys
import threading

from services.model_export import writer_process
from services.settings import Settings
from services.upkeep.loop import run


def main() -> int:
    """Run the chores until SIGTERM or SIGINT."""
    settings = Settings.from_environment()
    # Before there is anything that the writer must not have. It ends with this process.
    writer = writer_process.start() if settings.mlflow_url else None
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    run(settings, stop, writer)
    return 0


if __name__ == "__main__":
    sys.exit(main())
