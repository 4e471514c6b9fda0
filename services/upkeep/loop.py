"""The round of chores: each is one file, may fail without stopping the others, and runs in every round."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping

from services.dispatch import dispatch
from services.queue import Publisher
from services.settings import Settings
from services.store.session import Store
from services.upkeep.mirror import Mirror
from services.upkeep.pause import pause
from services.upkeep.prune import prune
from services.upkeep.rescue import Rescue
from services.upkeep.settle import settle
from services.upkeep.vacate import vacate

log = logging.getLogger(__name__)


def run(settings: Settings, stop: threading.Event) -> None:
    """Do every chore once each `upkeep_period`, until `stop` is set."""
    store, publisher = Store(settings.database_url), Publisher(settings)
    mirror = Mirror(store, settings)
    mirror.start()
    rescue = Rescue(store, settings)
    chores: Mapping[str, Callable[[], object]] = {
        "vacate": lambda: vacate(store),
        "rescue": rescue.round,
        "pause": lambda: pause(store),
        "settle": lambda: settle(store),
        "dispatch": lambda: dispatch(store, publisher, settings),
        "prune": lambda: prune(store, settings),
    }
    while not stop.is_set():
        do_each(chores)
        stop.wait(settings.upkeep_period)
    mirror.close()
    store.close()


def do_each(chores: Mapping[str, Callable[[], object]]) -> None:
    """Do every chore once; one that fails is logged."""
    for name, chore in chores.items():
        try:
            chore()
        except Exception:
            log.exception("%s failed, the next round tries again", name)
