"""A stand-in for upkeep's mirror: while upkeep is away, MLflow still gets what is trained here."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from functools import partial

from services.settings import Settings
from services.store import mirror
from services.store.session import Store

log = logging.getLogger(__name__)
AWAY_ROUNDS = 30  # of upkeep's, in which MLflow took nothing of a sweep, before a worker stands in
STAND_IN_SECONDS = 0.5  # of work at a time: training comes first


class MirrorThread:
    """Mirrors a sweep that it is notified of, if nobody has for a while; upkeep's mirror does the rest.

    So MLflow's client, which takes seconds to import, is loaded only where it is needed. `overdue` says
    whether the worker's lease may be lost soon: then nothing is mirrored.
    """

    def __init__(self, store: Store, settings: Settings, owner: str, overdue: Callable[[], bool]) -> None:
        self._store, self._settings, self._owner, self._overdue = store, settings, owner, overdue
        self._away = AWAY_ROUNDS * settings.upkeep_period  # seconds
        self._sweep_id = ""  # the last one that it was notified of
        self._news, self._closing = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="mirror", daemon=True)

    def start(self) -> None:
        """Begin, if there is an MLflow server."""
        if self._settings.mlflow_url:
            self._thread.start()

    def notify(self, sweep_id: str) -> None:
        """Have this sweep mirrored soon, if nobody else does: something new of it has been committed."""
        self._sweep_id = sweep_id
        self._news.set()

    def close(self, patience: float) -> None:
        """End, within `patience` seconds; what is left is upkeep's."""
        self._closing.set()
        self._news.set()
        if self._thread.is_alive():
            self._thread.join(patience)

    def _run(self) -> None:
        while self._news.wait() and not self._closing.is_set():
            self._news.clear()
            try:
                self._look(self._sweep_id)
            except Exception as error:  # a database or an MLflow that is away stops no training
                log.warning("sweep %s was not mirrored: %s", self._sweep_id, error)
            self._closing.wait(self._away / AWAY_ROUNDS)  # one look in this time is enough

    def _look(self, sweep_id: str) -> None:
        """Mirror a sweep that is left alone."""
        alone = partial(mirror.is_left_alone, sweep_id=sweep_id, seconds=self._away)
        if self._overdue() or not self._store.read(alone):
            return
        from services.tracking.tracker import Tracker

        log.warning("nobody mirrors sweep %s: this worker does, until upkeep is back", sweep_id)
        Tracker(self._store, self._settings, self._owner).mirror(sweep_id, STAND_IN_SECONDS)
