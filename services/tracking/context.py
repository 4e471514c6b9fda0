"""What mirroring one sweep needs: its database, its MLflow, the lease, and how failures are stored."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from services.model_export.writer_process import ModelWriter
from services.settings import Settings
from services.store import mirror, mirror_failures
from services.store.mirror import MirrorLease, MirrorLeaseLost
from services.store.mirror_failures import reason_of
from services.store.session import Session, Store, is_outage
from services.tracking.mlflow_server import Server, TrackingDown

KEEP_SHARE = 0.1  # of a lease's length, within which it is not renewed again
log = logging.getLogger(__name__)
IsOver = Callable[[], bool]  # whether the time of this turn is over


class RunDeleted(Exception):
    """A user deleted the run in MLflow: it stays deleted."""


@dataclass
class MirrorContext:
    """One sweep's mirror, under its lease."""

    store: Store
    settings: Settings
    server: Server
    lease: MirrorLease
    writer: ModelWriter | None = None  # of models; without it they take seconds
    kept_at: float = -math.inf  # when the lease was renewed last, by the clock of this process

    def keep(self) -> None:
        """Renew the lease, unless it was just renewed, or raise `MirrorLeaseLost`."""
        now = time.monotonic()
        if now - self.kept_at >= KEEP_SHARE * self.lease.ttl:
            self.store.write(lambda session: mirror.keep(session, self.lease))
            self.kept_at = now

    def concerns_one(self, error: Exception) -> bool:
        """Whether an error lies in what was mirrored: the lease is ours, and database and MLflow answer."""
        if isinstance(error, MirrorLeaseLost) or is_outage(error):
            return False
        return not isinstance(error, TrackingDown) or self.server.answers()

    def fail_sweep(self, error: Exception) -> None:
        """Store that the sweep could not be mirrored."""
        self._fail(
            "sweep", self.lease.sweep_id, error, lambda s, why: mirror_failures.fail_sweep(s, self.lease, why)
        )

    def fail_trial(self, trial_id: str, error: Exception) -> None:
        """Store that a trial could not be mirrored."""
        self._fail(
            "trial", trial_id, error, lambda s, why: mirror_failures.fail_trial(s, self.lease, trial_id, why)
        )

    def _fail(self, kind: str, name: str, error: Exception, store: Callable[[Session, str], int]) -> None:
        """Log the first of several failures with its trace, and the last one, after which it is left out."""
        reason = reason_of(error)
        failures = self.store.write(lambda session: store(session, reason))
        if failures == 1:
            log.warning("%s %s could not be mirrored, others go on", kind, name, exc_info=error)
        elif failures == mirror_failures.MAX_FAILURES:
            log.warning("%s %s is left out in MLflow after %s tries: %s", kind, name, failures, reason)
