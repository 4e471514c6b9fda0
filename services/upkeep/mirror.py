"""Mirror sweeps in MLflow, at a pace that leaves the processor to training."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from services.model_export.writer_process import ModelWriter
from services.settings import Settings
from services.store.session import Store

if TYPE_CHECKING:
    from services.tracking.tracker import Tracker

log = logging.getLogger(__name__)
ROUND_PAUSE = 2.0  # seconds between two rounds
LOOKS = 10  # within a pause, whether a sweep has ended: its user waits for it; each costs a millisecond
FAILURE_PAUSES = (0.5, 1.0, 2.0, 5.0)  # seconds after each round that failed: MLflow may only be starting


class Mirror:
    """The mirror's thread: MLflow may be slow, and the other chores must not wait for it."""

    def __init__(self, store: Store, settings: Settings, writer: ModelWriter | None = None) -> None:
        self._store, self._settings, self._writer = store, settings, writer
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mirror", daemon=True)

    def start(self) -> None:
        """Start the thread, if there is an MLflow server."""
        if self._settings.mlflow_url:
            self._thread.start()

    def close(self) -> None:
        """Stop after the sweep that is being mirrored."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)

    def _run(self) -> None:
        from services.tracking.mlflow_server import TrackingDown
        from services.tracking.tracker import Tracker

        tracker, failures = Tracker(self._store, self._settings, "mirror", self._writer), 0
        while not self._stop.is_set():
            try:
                if not tracker.round(self._stop.is_set):
                    self._rest(tracker)
                failures = 0
                continue
            except TrackingDown as error:
                log.warning("MLflow does not answer: %s", error)
            except Exception:
                log.exception("mirror failed, will try again")
            self._stop.wait(FAILURE_PAUSES[min(failures, len(FAILURE_PAUSES) - 1)])
            failures += 1

    def _rest(self, tracker: Tracker) -> None:
        """Wait for the next round, which begins at once where a sweep has ended."""
        if not tracker.is_watching:
            self._stop.wait(ROUND_PAUSE)
            return
        for _ in range(LOOKS):
            if self._stop.wait(ROUND_PAUSE / LOOKS) or tracker.has_ended():
                return
