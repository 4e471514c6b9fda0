"""What could not be mirrored: tried again after growing pauses, and left out after the last one."""

from __future__ import annotations

from services.store.clock import in_seconds
from services.store.left_out import LeftOut
from services.store.mirror import MirrorLease, keep
from services.store.models import MirrorSweep, MirrorTrial
from services.store.session import Session

FIRST_PAUSE_SECONDS, PAUSE_GROWTH = 5.0, 6
MAX_FAILURES = 6  # in a row: the pauses between them are 5 s, 30 s, 3 min, 18 min and 108 min
MAX_REASON_CHARS = 500


def fail_sweep(session: Session, lease: MirrorLease, reason: str) -> int:
    """Store that a sweep could not be mirrored; returns how often in a row."""
    keep(session, lease)
    return _fail(session, session.get_one(MirrorSweep, lease.sweep_id), reason)


def fail_trial(session: Session, lease: MirrorLease, trial_id: str, reason: str) -> int:
    """Store that a trial could not be mirrored; returns how often in a row."""
    keep(session, lease)
    return _fail(session, session.get_one(MirrorTrial, trial_id), reason)


def reason_of(error: Exception) -> str:
    """An error in one line."""
    return " ".join(f"{type(error).__name__}: {error}".split())[:MAX_REASON_CHARS]


def _fail(session: Session, mine: MirrorSweep | MirrorTrial, reason: str) -> int:
    mine.not_before = in_seconds(FIRST_PAUSE_SECONDS * PAUSE_GROWTH**mine.failures)
    mine.failures += 1
    mine.reason = reason
    mine.left_out = LeftOut.FAILED if mine.failures >= MAX_FAILURES else None
    session.flush()
    return mine.failures
