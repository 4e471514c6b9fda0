"""The time that is left of a sweep, and its cost compared with training its trials one by one."""

from __future__ import annotations


def eta_seconds(done: int, left: int, busy: float, at_once: int) -> float | None:
    """Seconds until `left` epochs are trained by `at_once` devices; None while there is no rate.

    left × busy / done / at_once: `busy` is the device time, in seconds, that the epochs done so far took, so
    hours in which nobody trained do not count. Epochs are counted over all trials.
    """
    if done == 0 or busy <= 0:
        return None
    return left * busy / done / max(1, at_once)


def price(trials: int, work: float, alone: float) -> float | None:
    """How many trials could have been trained one by one with the work that all of them took together.

    `work` is what the devices have worked so far, `alone` what the same epochs take at width 1, both in
    seconds; so trials × work / alone, for a finished sweep and for one half done. None before any epoch.
    """
    if work <= 0 or alone <= 0:
        return None
    return trials * work / alone
