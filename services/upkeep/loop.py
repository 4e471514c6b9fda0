"""The round of chores: each is one file, and may fail without stopping the others."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping

from services.dispatch import dispatch
from services.model_export.writer_process import ModelWriter
from services.queue import Publisher
from services.settings import Settings
from services.store.session import Store
from services.upkeep.begin_forks import begin_forks
from services.upkeep.decide import decide
from services.upkeep.delete import Delete
from services.upkeep.mirror import Mirror
from services.upkeep.pace import Pace
from services.upkeep.pause import pause
from services.upkeep.prune import Prune
from services.upkeep.rescue import Rescue
from services.upkeep.settle import settle
from services.upkeep.stale_files import StaleFiles
from services.upkeep.vacate import vacate

MAX_CHORE_SECONDS = 5.0  # beyond it a chore is logged as slow: the others wait for it
log = logging.getLogger(__name__)


def run(settings: Settings, stop: threading.Event, writer: ModelWriter | None = None) -> None:
    """Do the chores each `upkeep_period`, more rarely while everything rests, until `stop` is set.

    Rescue and mirror have threads of their own; the writer writes the mirror's models.
    """
    store = Store(settings.database_url, settings.idle_transaction, settings.lock_timeout)
    publisher = Publisher(settings)
    # The trials of a lost pack need not wait for the next round of the chores.
    rescue = Rescue(store, settings, on_taken=lambda: dispatch(store, publisher, settings))
    apart = rescue, Mirror(store, settings, writer)
    for thread in apart:
        thread.start()
    chores = Chores(
        {
            "vacate": lambda: vacate(store),
            "pause": lambda: pause(store),
            "decide": lambda: decide(store),
            "begin forks": lambda: begin_forks(store),
            "settle": lambda: settle(store),
            "dispatch": lambda: dispatch(store, publisher, settings),
            "delete": Delete(store, settings).round,
            "prune": Prune(store, settings).turn,
            "stale files": StaleFiles(store, settings).round,
        }
    )
    pace = Pace(store, settings.upkeep_period)
    while not stop.is_set():
        if pace.is_due():
            chores.do_each()
        stop.wait(pace.pause)
    for thread in apart:
        thread.close()
    store.close()


class Chores:
    """Chores by name, done one after another; the log names those that take long."""

    def __init__(self, chores: Mapping[str, Callable[[], object]]) -> None:
        self._chores = chores
        self._slow: set[str] = set()

    def do_each(self) -> None:
        """Do every chore once; one that fails is logged."""
        for name, chore in self._chores.items():
            began = time.monotonic()
            try:
                chore()
            except Exception:
                log.exception("%s failed, the next round tries again", name)
            self._note(name, time.monotonic() - began)

    def _note(self, name: str, seconds: float) -> None:
        """Log a chore when it becomes slow, and when it no longer is."""
        if seconds > MAX_CHORE_SECONDS and name not in self._slow:
            self._slow.add(name)
            log.warning("%s took %.1f s, more than %g s: other chores wait", name, seconds, MAX_CHORE_SECONDS)
        elif seconds <= MAX_CHORE_SECONDS and name in self._slow:
            self._slow.remove(name)
            log.info("%s takes %.1f s again", name, seconds)
