"""What becomes of a trial whose attempt ended early: one decision per class of failure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

CRASH_BUDGET = 3  # crashes of a trial alone, after which it has failed
LOST_BUDGET = 10  # attempts lost with their host, after which a trial has failed
CRASH_DELAYS = (10, 20)  # seconds before the next attempt, after the first crash and after the second
HOST_DELAY = 10  # seconds before the next attempt, while a host cannot train


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
    """A trial's history of failed attempts."""

    crashes: int
    losses: int
    most_alive: int | None  # rows that may be alive in its packs; None: as many as the width


@dataclass(frozen=True)
class Verdict:
    """Whether the trial gets another attempt, after how many seconds, and its new record."""

    again: bool
    delay: int
    record: Record


def judge(failure: Failure, record: Record, alive: int) -> Verdict:
    """Decide over one trial of a pack with `alive` live rows.

    A crash counts only against a trial that ran alone; in a wider pack it halves the rows its trials may
    share, so that one bad trial ends alone and no other fails because of it. A lost host halves from the
    second time on, in case the trial itself is what takes the host down.
    """
    crashes, losses, most_alive = record.crashes, record.losses, record.most_alive
    half = max(1, alive // 2)
    match failure:
        case Failure.SPEC | Failure.DIVERGED:
            return _final(record)
        case Failure.PREEMPTED | Failure.DAMAGED:
            return _retry(record)
        case Failure.CRASHED if alive > 1:
            return _retry(Record(crashes, losses, half))
        case Failure.CRASHED:
            new = Record(crashes + 1, losses, most_alive)
            return _retry(new, CRASH_DELAYS[crashes]) if new.crashes < CRASH_BUDGET else _final(new)
        case Failure.HOST:
            new = Record(crashes, losses + 1, most_alive)
            return _retry(new, HOST_DELAY) if new.losses < LOST_BUDGET else _final(new)
        case Failure.LOST:
            new = Record(crashes, losses + 1, half if losses else most_alive)
            return _retry(new) if new.losses < LOST_BUDGET else _final(new)


def _retry(record: Record, delay: int = 0) -> Verdict:
    return Verdict(again=True, delay=delay, record=record)


def _final(record: Record) -> Verdict:
    return Verdict(again=False, delay=0, record=record)
