"""Delete sweeps that a user has deleted: what MLflow has of them, then their files, then their rows."""

from __future__ import annotations

import logging
import time
from functools import partial

from services import pack_folders
from services.settings import Settings
from services.store import deletion, set_aside
from services.store.session import Store, is_outage

log = logging.getLogger(__name__)
ROUND_SECONDS = 2.0  # of work in a round: the other chores wait for it


class Delete:
    """Deletes what belongs to sweeps that are being deleted, some of it in each round.

    Rows go last, because they name the rest. Each step can be repeated, and where the last one ended is seen
    by what is there: whoever is killed leaves nothing that the next round does not find.
    """

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store, self._settings = store, settings

    def round(self) -> int:
        """Go on with each sweep that is being deleted; returns how many are gone.

        One that cannot be deleted is set aside with the reason and tried again a minute later.
        """
        end, gone = time.monotonic() + ROUND_SECONDS, 0
        for sweep_id in self._store.read(deletion.waiting):
            try:
                if self._delete(sweep_id, end):
                    log.info("sweep %s is deleted", sweep_id)
                    gone += 1
            except Exception as error:
                if is_outage(error):
                    raise
                set_aside.put(self._store, set_aside.DELETE, sweep_id, error)
            if time.monotonic() >= end:
                break
        return gone

    def _delete(self, sweep_id: str, end: float) -> bool:
        """Delete one sweep; False if there is more to do."""

        def is_over() -> bool:
            return time.monotonic() >= end

        if self._settings.mlflow_url:
            from services.tracking.erase import erase  # only who has an MLflow server needs it

            if not erase(self._store, self._settings, sweep_id, is_over):
                return False
        for pack_id in self._store.read(partial(deletion.pack_ids, sweep_id=sweep_id)):
            pack_folders.remove(self._settings.files, pack_id)
        while self._store.write(partial(deletion.erase, sweep_id=sweep_id)):
            if is_over():
                return False
        return True
