"""Mirrors sweeps in MLflow, for a worker's thread and for upkeep."""

from __future__ import annotations

import itertools
import math
import secrets
import time
from collections.abc import Callable, Sequence

from services.settings import Settings
from services.store import mirror, mirror_due
from services.store.mirror import MirrorLease, MirrorLeaseLost
from services.store.session import Store
from services.tracking.context import IsOver, MirrorContext
from services.tracking.mirror_sweep import SweepMirror
from services.tracking.mlflow_server import Server
from services.tracking.sweep_run import addresses

MAX_OWNER_CHARS = 50  # the column has room for 64
TURN_SECONDS = 2.0  # that one sweep may hold up the others


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
        self._sent: dict[str, int] = {}  # sweep → the latest turn in which it sent files
        self._counter = itertools.count(1)
        self._server = Server(settings.mlflow_url) if settings.mlflow_url else None

    def behind(self) -> Sequence[str]:
        """List the sweeps of which SQL has more than MLflow, or whose notes have outdated links."""
        return self._store.read(lambda session: mirror.behind(session, addresses(self._settings)))

    def mirror(self, sweep_id: str, seconds: float = math.inf) -> bool:
        """Bring MLflow up to date with SQL for one sweep, for so many seconds at most; files come later.

        Returns False if there is more to do: the time was over, another process is mirroring the sweep, or
        the server has lost it. What fails by itself is stored with its reason and tried again later. Raises
        `TrackingDown` if MLflow does not answer.
        """
        return self._leased(sweep_id, lambda sweep: sweep.run(_timer(seconds)), forgets=True)

    def send_files(self, sweep_id: str, seconds: float = math.inf) -> None:
        """Send files of a sweep's ended trials, for so many seconds at most; otherwise as `mirror`."""
        self._leased(sweep_id, lambda sweep: sweep.files(_timer(seconds)))

    def round(self, is_stopped: Callable[[], bool]) -> bool:
        """Give every sweep that is behind its turn; returns whether there may be more to do.

        New sweeps come first, then those that go on, then one that has ended; and again, until all have had a
        turn. Files are last, of one sweep at a time: they may wait, whatever is measured may not.
        """
        served: set[str] = set()
        while not is_stopped():
            turns = self._store.read(lambda s: mirror_due.turns(s, self.behind()))
            ended = next((each for each in turns.ended if each not in served), None)
            for sweep_id in [*turns.first, *([ended] if ended else [])]:
                if is_stopped():
                    return False
                self.mirror(sweep_id, TURN_SECONDS)
                served.add(sweep_id)
            if ended is None:
                return self._some_files()
        return False

    def _some_files(self) -> bool:
        """Send files of the sweep that has waited longest; returns whether there were any."""
        waiting = self._store.read(mirror_due.sweeps_with_files)
        if not waiting:
            return False
        sweep_id = min(waiting, key=lambda each: self._sent.get(each, 0))
        self._sent[sweep_id] = next(self._counter)
        self.send_files(sweep_id, TURN_SECONDS)
        return True

    def _leased(self, sweep_id: str, work: Callable[[SweepMirror], bool], forgets: bool = False) -> bool:
        """Work on a sweep under its lease; False if another process has it.

        With `forgets` the work leaves nothing of the changes that were noted before it.
        """
        if self._server is None:
            return True
        lease = MirrorLease(sweep_id, self._owner, self._settings.lease_ttl)
        context = MirrorContext(self._store, self._settings, self._server, lease)
        if not self._store.write(lambda session: mirror.take(session, lease)):
            return False
        try:
            seen = self._store.read(lambda session: mirror.changes(session, sweep_id))
            done = work(SweepMirror(context, self._without_view))
            if done and forgets:
                self._store.write(lambda session: mirror.forget_changes(session, lease, seen))
            return done
        except MirrorLeaseLost:
            return False
        except Exception as error:
            if not context.concerns_one(error):
                raise
            context.fail_sweep(error)
            return True
        finally:
            self._store.write(lambda session: mirror.release(session, lease))


def _timer(seconds: float) -> IsOver:
    """Whether so many seconds have passed since now."""
    end = time.monotonic() + seconds
    return lambda: time.monotonic() >= end
