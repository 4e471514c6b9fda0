"""What becomes of a trial whose attempt ended early: one decision per class of failure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

CRASH_BUDGET = 3
LOST_BUDGET = 10
BACKOFF = (0, 10, 20)  # seconds before the next attempt, by crashes so far


class Failure(StrEnum):
    """Why an attempt ended early."""

    SPEC = "spec"  # the architecture or the data cannot be built: a retry meets the same
    DIVERGED = "diverged"  # loss or weights are no longer finite
    CRASHED = "crashed"  # the runner died or ran out of memory
    LOST = "lost"  # the lease expired: host, supervisor or network gone
    HOST = "host"  # this host cannot train now: no runner comes up, data out of reach, disk full
    DAMAGED = "damaged"  # its checkpoint did not verify: go back to the one before
    PREEMPTED = "preempted"  # given back on purpose


@dataclass(frozen=True)
class Record:
    """A trial's history of bad ends."""

    crashes: int
    losses: int
    most_alive: int | None  # rows that may be alive in its packs; None: as many as the width


@dataclass(frozen=True)
class Verdict:
    """Whether the trial is tried again, after which delay, and its new record."""

    again: bool
    delay: int
    record: Record


def judge(failure: Failure, record: Record, alive: int) -> Verdict:
    """Decide over one trial of a pack with `alive` live rows.

    A crash counts only against a trial that ran alone; in a wider pack it halves the rows its trials may
    share, so that one poisonous trial ends alone and no innocent fails. A lost host halves from the second
    time on, in case the trial itself is what takes the host down.
    """
    crashes, losses, most = record.crashes, record.losses, record.most_alive
    match failure:
        case Failure.SPEC | Failure.DIVERGED:
            return Verdict(False, 0, record)
        case Failure.PREEMPTED | Failure.DAMAGED:
            return Verdict(True, 0, record)
        case Failure.CRASHED if alive > 1:
            return Verdict(True, 0, Record(crashes, losses, max(1, alive // 2)))
        case Failure.CRASHED:
            crashes += 1
            again = crashes < CRASH_BUDGET
            return Verdict(again, BACKOFF[crashes] if again else 0, Record(crashes, losses, most))
        case Failure.HOST:
            return Verdict(losses + 1 < LOST_BUDGET, BACKOFF[1], Record(crashes, losses + 1, most))
        case Failure.LOST:
            losses += 1
            if losses > 1:
                most = max(1, alive // 2)
            return Verdict(losses < LOST_BUDGET, 0, Record(crashes, losses, most))
