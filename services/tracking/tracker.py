"""Mirrors sweeps in MLflow, turn by turn, at a pace that leaves the processor to training."""

from __future__ import annotations

import itertools
import math
import secrets
import time
from collections.abc import Callable, Sequence
from enum import Enum

from services.domain.errors import NotFound
from services.model_export.writer_process import ModelWriter
from services.settings import Settings
from services.store import mirror, mirror_due
from services.store.mirror import MirrorLease, MirrorLeaseLost
from services.store.mirror_due import Turns
from services.store.session import Session, Store
from services.tracking.context import IsOver, MirrorContext
from services.tracking.duty_cycle import DutyCycle
from services.tracking.mirror_sweep import SweepMirror
from services.tracking.mlflow_server import Server
from services.tracking.sweep_run import addresses

MAX_OWNER_CHARS = 50  # the column has room for 64
TURN_SECONDS = 2.0  # that one sweep may hold up the others
SKIPPED_ROUNDS = 9  # of ten, while MLflow has everything
LIVE_SECONDS = 0.3  # of work between two rests, for all sweeps that go on
LIVE_SHARE = 0.03  # of the time, for them
LIVE_PERIOD, MAX_REST = 10.0, 30.0  # seconds from one such spell to the next at least; of rest at most


class Outcome(Enum):
    """How a turn ended."""

    DONE = "MLflow has all of it"
    MORE = "there is more to do"
    TAKEN = "another process mirrors it"


class Tracker:
    """Mirror sweeps in MLflow.

    Every write can be repeated: a run is searched for by its tag before it is created, a metric keeps the
    time of its first report, and bookmarks in SQL move only after MLflow has answered. So a tracker that is
    killed at any point leaves nothing behind that the next one would duplicate.
    """

    def __init__(
        self, store: Store, settings: Settings, owner: str, writer: ModelWriter | None = None
    ) -> None:
        self._store, self._settings, self._writer = store, settings, writer
        self._owner = f"{owner[:MAX_OWNER_CHARS]}:{secrets.token_hex(4)}"
        self._without_view: set[str] = set()
        self._served: dict[str, int] = {}  # sweeps that go on → their latest turns
        self._counter = itertools.count(1)
        self._skips = 0  # rounds to skip, because MLflow had everything, unless something changes
        self._duty = DutyCycle(LIVE_SHARE, LIVE_PERIOD, MAX_REST)
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
        return self._turn(sweep_id, seconds) is Outcome.DONE

    def send_files(self, sweep_id: str, seconds: float = math.inf) -> None:
        """Send files of an ended sweep's best trials, for so many seconds at most; otherwise as `mirror`."""
        self._leased(sweep_id, lambda sweep: sweep.files(_timer(seconds)))

    def round(self, is_stopped: Callable[[], bool]) -> bool:
        """Give sweeps that are behind their turns; returns whether there is more to do at once.

        A new sweep gets its run at once. Those that go on share the processor with training: they are
        mirrored within a duty cycle, the one served longest ago first. Those that have ended are mirrored in
        turns without a pause, and then get their files.
        """
        if self._rests():
            return False
        turns, waiting = self._store.read(self._due)
        self._skips = 0 if turns.new or turns.going or turns.ended or waiting else SKIPPED_ROUNDS
        more = False
        for sweep_id in turns.new:
            if is_stopped():
                return False
            more |= self._turn(sweep_id, 0.0) is Outcome.MORE
        self._served = {each: self._served.get(each, 0) for each in turns.going}
        if self._served and self._duty.is_rested():
            with self._duty.working():
                self._go_on(is_stopped)
        for sweep_id in turns.ended:
            if is_stopped():
                return False
            more |= self._turn(sweep_id, TURN_SECONDS) is Outcome.MORE
        if turns.ended and not more:  # the end of some may have brought files
            waiting = self._store.read(mirror_due.sweeps_with_files)
        if waiting:
            self.send_files(waiting[0], TURN_SECONDS)
        return more or bool(waiting)

    @property
    def is_watching(self) -> bool:
        """Whether any sweep went on in the latest round, whose end the next one should not miss."""
        return bool(self._served)

    def has_ended(self) -> bool:
        """Whether one of them has ended: then the next round need not wait."""
        return self._store.read(lambda session: mirror_due.has_ended(session, list(self._served)))

    def _go_on(self, is_stopped: Callable[[], bool]) -> None:
        """Mirror sweeps that go on, each once, until the time for all of them is over."""
        is_over = _timer(LIVE_SECONDS)
        for sweep_id in sorted(self._served, key=lambda each: self._served[each]):
            if is_over() or is_stopped():
                return
            self._served[sweep_id] = next(self._counter)
            self.mirror(sweep_id, LIVE_SECONDS)

    def _rests(self) -> bool:
        """Whether this round can be skipped: what only time brings about, such as another try, can wait."""
        self._skips -= 1
        return self._skips >= 0 and not self._store.read(mirror.is_changed)

    def _due(self, session: Session) -> tuple[Turns, Sequence[str]]:
        """Sweeps by turns, and those with files to send, which wait until all have ended."""
        turns = mirror_due.turns(session, mirror.behind(session, addresses(self._settings)))
        return turns, () if turns.ended else mirror_due.sweeps_with_files(session)

    def _turn(self, sweep_id: str, seconds: float) -> Outcome:
        return self._leased(sweep_id, lambda sweep: sweep.run(_timer(seconds)), forgets=True)

    def _leased(self, sweep_id: str, work: Callable[[SweepMirror], bool], forgets: bool = False) -> Outcome:
        """Work on a sweep under its lease.

        With `forgets` the work leaves nothing of the changes that were noted before it.
        """
        if self._server is None:
            return Outcome.DONE
        lease = MirrorLease(sweep_id, self._owner, self._settings.lease_ttl)
        context = MirrorContext(self._store, self._settings, self._server, lease, self._writer)
        if not self._store.write(lambda session: mirror.take(session, lease)):
            return Outcome.TAKEN
        try:
            seen = self._store.read(lambda session: mirror.changes(session, sweep_id))
            done = work(SweepMirror(context, self._without_view))
            if done and forgets:
                self._store.write(lambda session: mirror.forget_changes(session, lease, seen))
            return Outcome.DONE if done else Outcome.MORE
        except MirrorLeaseLost:
            return Outcome.TAKEN
        except NotFound:
            return Outcome.DONE  # it is being deleted
        except Exception as error:
            if not context.concerns_one(error):
                raise
            context.fail_sweep(error)
            return Outcome.DONE
        finally:
            self._store.write(lambda session: mirror.release(session, lease))


def _timer(seconds: float) -> IsOver:
    """Whether so many seconds have passed since now."""
    end = time.monotonic() + seconds
    return lambda: time.monotonic() >= end
