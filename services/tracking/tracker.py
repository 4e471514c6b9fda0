"""Mirrors sweeps in MLflow, for a worker's thread and for upkeep."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from services.settings import Settings
from services.store import mirror
from services.store.mirror import MirrorLease, MirrorLeaseLost
from services.store.session import Store
from services.tracking.mirror_sweep import SweepMirror
from services.tracking.mlflow_server import Server
from services.tracking.sweep_run import addresses

MAX_OWNER_CHARS = 50  # the column has room for 64


class Tracker:
    """Mirror sweeps in MLflow.

    Every write can be repeated: a run is searched for by its tag before it is created, a metric keeps the
    time of its first report, and bookmarks in SQL move only after MLflow has answered. So a tracker that is
    killed at any point leaves nothing behind that the next one would duplicate.
    """

    def __init__(self, store: Store, settings: Settings, owner: str) -> None:
        self._store, self._settings = store, settings
        self._owner = f"{owner[:MAX_OWNER_CHARS]}:{secrets.token_hex(4)}"
        self._without_view: set[str] = set()
        self._server = Server(settings.mlflow_url) if settings.mlflow_url else None

    def behind(self) -> Sequence[str]:
        """List the sweeps of which SQL has more than MLflow, or whose notes have outdated links."""
        return self._store.read(lambda session: mirror.behind(session, addresses(self._settings)))

    def mirror(self, sweep_id: str) -> bool:
        """Bring MLflow up to date with SQL for one sweep.

        Returns True if MLflow has everything that SQL had, False if another process is mirroring the sweep or
        the server has lost it: try again soon. Raises `TrackingDown` if MLflow does not answer.
        """
        if self._server is None:
            return True
        lease = MirrorLease(sweep_id, self._owner, self._settings.lease_ttl)
        if not self._store.write(lambda session: mirror.take(session, lease)):
            return False
        try:
            seen = self._store.read(lambda session: mirror.changes(session, sweep_id))
            done = SweepMirror(self._store, self._settings, self._server, lease, self._without_view).run()
            if done:
                self._store.write(lambda session: mirror.forget_changes(session, lease, seen))
            return done
        except MirrorLeaseLost:
            return False
        finally:
            self._store.write(lambda session: mirror.release(session, lease))
