"""Export to MLflow what no worker did: its worker died, MLflow was away, or the sweep has just ended."""

from __future__ import annotations

import logging
import threading

from services.settings import Settings
from services.store.session import Store

log = logging.getLogger(__name__)
PAUSE = 1.0  # seconds between two looks
BACK_OFF = 5.0


class Mirror:
    """A thread of its own, because MLflow may be slow and the other chores must not wait."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store, self._settings = store, settings
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mirror", daemon=True)

    def start(self) -> None:
        """Begin, if there is an MLflow server."""
        if self._settings.mlflow_url:
            self._thread.start()

    def close(self) -> None:
        """Stop after the sweep at hand."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)

    def _run(self) -> None:
        from services.tracking import Tracker, TrackingDown

        tracker = Tracker(self._store, self._settings, "mirror")
        pause = PAUSE
        while not self._stop.wait(pause):
            pause = PAUSE
            try:
                for sweep_id in tracker.behind():
                    tracker.export(sweep_id)
            except TrackingDown as error:
                log.warning("MLflow is away: %s", error)
                pause = BACK_OFF
            except Exception:
                log.exception("mirror failed, will try again")
                pause = BACK_OFF
