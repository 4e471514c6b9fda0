"""The thread that brings MLflow up to SQL while training goes on; training never waits for it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from services.settings import Settings
from services.store.session import Store

log = logging.getLogger(__name__)
RETRY = 0.4  # another worker is exporting the same sweep
BACK_OFF = (2.0, 5.0, 15.0)  # MLflow is away


class Exporter:
    """Exports each sweep that it is poked with; what it does not manage, upkeep's mirror does."""

    def __init__(self, store: Store, settings: Settings, owner: str, silent: Callable[[], bool]) -> None:
        self._store, self._settings, self._owner, self._silent = store, settings, owner, silent
        self._wanted: set[str] = set()
        self._change = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="exporter", daemon=True)

    def start(self) -> None:
        """Begin, if there is an MLflow server to export to."""
        if self._settings.mlflow_url:
            self._thread.start()

    def poke(self, sweep_id: str) -> None:
        """Something new of this sweep has been committed."""
        with self._change:
            self._wanted.add(sweep_id)
            self._change.notify()

    def close(self, patience: float) -> None:
        """Finish what is wanted, for `patience` seconds at most."""
        with self._change:
            self._closing = True
            self._change.notify()
        if self._thread.is_alive():
            self._thread.join(patience)

    def _run(self) -> None:
        from services.tracking import Tracker, TrackingDown

        tracker = Tracker(self._store, self._settings, self._owner)
        failures = 0
        while True:
            with self._change:
                self._change.wait_for(lambda: self._wanted or self._closing)
                if not self._wanted:
                    return
                sweep_id = self._wanted.pop()
            pause = 0.0
            try:
                done = not self._silent() and tracker.export(sweep_id)
                failures, pause = 0, 0.0 if done else RETRY
            except TrackingDown as error:
                done, pause = False, BACK_OFF[min(failures, len(BACK_OFF) - 1)]
                failures += 1
                log.warning("MLflow is away, training goes on: %s", error)
            except Exception:
                done, pause = False, BACK_OFF[-1]
                log.exception("sweep %s could not be exported, will try again", sweep_id)
            with self._change:
                if not done and self._closing:
                    return  # the mirror has it
                if not done:
                    self._wanted.add(sweep_id)
                    self._change.wait_for(lambda: self._closing, timeout=pause)
