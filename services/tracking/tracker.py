"""Bring MLflow up to what SQL has of a sweep; one function for a worker's thread and upkeep's mirror."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from services.settings import Settings
from services.store import mirror
from services.store.mirror import ExportLease, ExportLost
from services.store.session import Store
from services.tracking.mirror_sweep import Export
from services.tracking.mlflow_server import Server
from services.tracking.sweep_run import addresses

OWNER_SIZE = 50  # characters; the column has 64


class Tracker:
    """Exports sweeps to MLflow.

    Everything it writes can be written again: a run is looked for by its tag before it is created, a metric
    keeps the time of its first report, and bookmarks in SQL move after MLflow has answered. So a tracker that
    is killed anywhere leaves nothing that the next one would double.
    """

    def __init__(self, store: Store, settings: Settings, owner: str) -> None:
        self._store, self._settings = store, settings
        self._owner = f"{owner[:OWNER_SIZE]}:{secrets.token_hex(4)}"
        self._without_view: set[str] = set()
        self._server = Server(settings.mlflow_url) if settings.mlflow_url else None

    def behind(self) -> Sequence[str]:
        """Sweeps of which SQL has more than MLflow, or whose notes carry old addresses."""
        return self._store.read(lambda session: mirror.behind(session, addresses(self._settings)))

    def export(self, sweep_id: str) -> bool:
        """Bring MLflow up to SQL for one sweep.

        True when it has all that SQL had; False when somebody else is exporting the sweep or the server has
        lost it, so try again soon. Raises `TrackingDown` when MLflow does not answer.
        """
        if self._server is None:
            return True
        lease = ExportLease(sweep_id, self._owner, self._settings.lease_ttl)
        if not self._store.write(lambda session: mirror.take(session, lease)):
            return False
        try:
            return Export(self._store, self._settings, self._server, lease, self._without_view).run()
        except ExportLost:
            return False
        finally:
            self._store.write(lambda session: mirror.release(session, lease))
