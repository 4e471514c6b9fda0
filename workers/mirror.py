"""The thread that brings MLflow up to SQL while training goes on; training never waits for it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from services.settings import Settings
from services.store.session import Store

log = logging.getLogger(__name__)
BUSY_SECONDS = 0.4  # before the next try while another worker mirrors the same sweep
AWAY_SECONDS = (2.0, 5.0, 15.0)  # before the next try while MLflow is away, by failures so far


class MirrorThread:
    """Exports each sweep that it is notified of; what it does not manage is left to upkeep's mirror.

    `overdue` says whether the worker's lease may be lost soon: then nothing is mirrored.
    """

    def __init__(self, store: Store, settings: Settings, owner: str, overdue: Callable[[], bool]) -> None:
        self._store, self._settings, self._owner, self._overdue = store, settings, owner, overdue
        self._waiting: dict[str, None] = {}  # sweeps to mirror, in the order of their turns
        self._change = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="mirror", daemon=True)

    def start(self) -> None:
        """Begin, if there is an MLflow server."""
        if self._settings.mlflow_url:
            self._thread.start()

    def notify(self, sweep_id: str) -> None:
        """Have this sweep mirrored soon: something new of it has been committed."""
        with self._change:
            self._waiting[sweep_id] = None
            self._change.notify()

    def close(self, patience: float) -> None:
        """Export what is waiting, for `patience` seconds at most."""
        with self._change:
            self._closing = True
            self._change.notify()
        if self._thread.is_alive():
            self._thread.join(patience)

    def _run(self) -> None:
        from services.tracking import TURN_SECONDS, Tracker, TrackingDown

        tracker = Tracker(self._store, self._settings, self._owner)
        failures = 0
        while True:
            with self._change:
                self._change.wait_for(lambda: self._waiting or self._closing)
                if not self._waiting:
                    return
                sweep_id = next(iter(self._waiting))
                del self._waiting[sweep_id]
            pause = 0.0
            try:
                done = not self._overdue() and tracker.mirror(sweep_id, TURN_SECONDS)
                failures, pause = 0, 0.0 if done else BUSY_SECONDS
            except TrackingDown as error:
                done, pause = False, AWAY_SECONDS[min(failures, len(AWAY_SECONDS) - 1)]
                failures += 1
                log.warning("MLflow is away, training goes on: %s", error)
            except Exception:  # of this sweep alone: others must not wait for it
                done = True
                log.exception(
                    "sweep %s could not be mirrored; its next epoch or upkeep tries again", sweep_id
                )
            with self._change:
                if not done and self._closing:
                    return  # upkeep's mirror finishes it
                if not done:
                    self._waiting[sweep_id] = None
                    self._change.wait_for(lambda: self._closing, timeout=pause)
