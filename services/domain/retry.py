"""What becomes of a trial whose attempt ended early: one decision per class of failure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

CRASH_BUDGET = 3  # crashes of a trial alone, after which it has failed
LOST_BUDGET = 10  # attempts lost with their host, after which a trial has failed
CRASH_DELAYS = (10, 20)  # seconds before the next attempt, after the first crash and after the second
HOST_DELAY = 10  # seconds before the next attempt, while a host cannot train
# Seconds before the next attempt after the first, the second … in a row without a new epoch.
FRUITLESS_DELAYS = (0, 5, 10, 20, 40, 60)
MAX_FRUITLESS = 10  # attempts in a row without a new epoch, after which the sweep is paused


class Failure(StrEnum):
    """Why an attempt ended early."""

    SPEC = "spec"  # the architecture or the data cannot be built: a retry meets the same
    DIVERGED = "diverged"  # loss or weights are no longer finite
    CRASHED = "crashed"  # the runner died
    MEMORY = "memory"  # the rows of the pack took more memory than its device has
    LOST = "lost"  # the lease expired, or the worker was seen to be dead: host, supervisor or network gone
    HOST = "host"  # this host cannot train now: no runner comes up, data out of reach, disk full
    DAMAGED = "damaged"  # its checkpoint did not verify: go back to the one before
    PREEMPTED = "preempted"  # given back on purpose


@dataclass(frozen=True)
class Record:
    """A trial's history of failed attempts."""

    crashes: int
    losses: int
    most_alive: int | None  # rows that may be alive in its packs; None: as many as the width
    fruitless: int = 0  # latest attempts that ended without a new epoch, crashes aside


@dataclass(frozen=True)
class Verdict:
    """Whether the trial gets another attempt, after how many seconds, and its new record."""

    again: bool
    delay: int
    record: Record


def judge(failure: Failure, record: Record, alive: int, progressed: bool = False) -> Verdict:
    """Decide over one trial of a pack with `alive` live rows that has `progressed` by a new epoch or not.

    A crash counts only against a trial that ran alone; in a wider pack it halves the rows its trials may
    share, so that one bad trial ends alone and no other fails because of it. So does a lack of memory, where
    `alive` are all rows that the trial's array could have, as dead ones take as much. A lost host halves from
    the second time on, in case the trial itself is what takes the host down. Attempts in a row without a new
    epoch follow each other more and more slowly; those that were given back have no budget of their own, so
    after `MAX_FRUITLESS` of them the sweep is paused (services/store/fruitless.py).
    """
    crashes, losses, most_alive = record.crashes, record.losses, record.most_alive
    halves = failure in (Failure.CRASHED, Failure.MEMORY)
    fruitless = 0 if progressed else record.fruitless + (not halves)
    delay = FRUITLESS_DELAYS[min(fruitless, len(FRUITLESS_DELAYS)) - 1] if fruitless else 0
    half = max(1, alive // 2)
    match failure:
        case Failure.SPEC | Failure.DIVERGED:
            return _final(record)
        case Failure.PREEMPTED | Failure.DAMAGED:
            return _retry(Record(crashes, losses, most_alive, fruitless), delay)
        case Failure.CRASHED | Failure.MEMORY if alive > 1:
            return _retry(Record(crashes, losses, half, fruitless))
        case Failure.CRASHED | Failure.MEMORY:
            new = Record(crashes + 1, losses, most_alive, fruitless)
            return _retry(new, CRASH_DELAYS[crashes]) if new.crashes < CRASH_BUDGET else _final(new)
        case Failure.HOST:
            new = Record(crashes, losses + 1, most_alive, fruitless)
            return _retry(new, max(delay, HOST_DELAY)) if new.losses < LOST_BUDGET else _final(new)
        case Failure.LOST:
            new = Record(crashes, losses + 1, half if losses else most_alive, fruitless)
            return _retry(new, delay) if new.losses < LOST_BUDGET else _final(new)


def _retry(record: Record, delay: int = 0) -> Verdict:
    return Verdict(again=True, delay=delay, record=record)


def _final(record: Record) -> Verdict:
    return Verdict(again=False, delay=0, record=record)
