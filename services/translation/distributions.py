"""Distributions that specs have no form for, written as the nearest one, with a note of what is lost."""

from __future__ import annotations

import math

from services.translation.errors import TranslationError
from services.translation.parameter import Domain, Fixed, Interval, interval

DIGITS = 12  # of a multiple: 3·0.1 is 0.3
DEVIATIONS = 2  # of a normal distribution, on each side of its mean: 95 % of it


def rounded(value: float) -> float:
    """An end of a range that was computed, in six digits."""
    return float(f"{value:.6g}")


def exact(value: float) -> float:
    """A computed number without the last bits' noise; a whole one as an integer."""
    found = float(f"{value:.{DIGITS}g}")
    return int(found) if found.is_integer() else found


def quantized(
    place: str, low: float, high: float, q: float, *, log: bool = False
) -> tuple[Domain, list[str]]:
    """The multiples of q that round(x/q)·q gives for x between the ends, and what to note.

    So W&B and NNI draw; the multiples at the ends are half as likely there.
    """
    if q <= 0:
        raise TranslationError(f"{place} must have q above 0, got {q:g}")
    checked = interval(place, low, high, log=log)
    if isinstance(checked, Fixed):
        low = high = checked.value
    first = exact(math.floor(exact(low / q) + 0.5) * q)
    last = max(first, exact(math.ceil(exact(high / q) - 0.5) * q))
    notes = []
    if (first, last) != (low, high):
        notes.append(f"rounded to multiples of {q:g}: from {first:g} to {last:g}")
    if first == last:
        return Fixed(first), notes
    whole = all(float(part).is_integer() for part in (first, last, q))
    if log and first <= 0:
        notes.append("a logarithmic range cannot begin at 0: evenly spread here")
        log = False
    return Interval(first, last, log, exact(q), whole), notes


def normal(
    place: str, mean: float, deviation: float, *, log: bool = False, whole: bool = False
) -> tuple[Domain, list[str]]:
    """A range of two deviations around the mean instead of a normal distribution; with `log`, of ln x."""
    if deviation <= 0:
        raise TranslationError(f"{place} must have a deviation above 0, got {deviation:g}")
    low, high = mean - DEVIATIONS * deviation, mean + DEVIATIONS * deviation
    kind = "log-normal" if log else "normal"
    notes = [
        f"{kind} with mean {mean:g} and deviation {deviation:g} in the file; a range of two deviations here"
    ]
    if log:
        return interval(place, rounded(math.exp(low)), rounded(math.exp(high)), log=True), notes
    if low < 0 <= high:
        low = 0.0
        notes.append("cut off at 0")
    return interval(place, rounded(low), rounded(high), whole=whole), notes
