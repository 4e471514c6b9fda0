"""A parameter as another tool has it: a name of the user's program, and the values it may have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from services.translation.errors import TranslationError
from services.translation.part import shown


@dataclass(frozen=True)
class Fixed:
    """One value."""

    value: Any


@dataclass(frozen=True)
class OneOfValues:
    """One of several values, all equally likely."""

    values: tuple[Any, ...]


@dataclass(frozen=True)
class Interval:
    """A number in [low, high], equally likely or, with `log`, of equally likely logarithm.

    With `step` only low, low + step, … are meant, whatever the distribution; with `whole` only integers.
    """

    low: float
    high: float
    log: bool = False
    step: float | None = None
    whole: bool = False


@dataclass(frozen=True)
class Unspecified:
    """A distribution that no axis can have; `why` says which, and what to write."""

    why: str


Domain = Fixed | OneOfValues | Interval | Unspecified


@dataclass(frozen=True)
class ForeignParameter:
    """A parameter of a sweep file; `notes` say what of its distribution is not kept."""

    name: str
    domain: Domain
    notes: tuple[str, ...] = ()


def in_words(domain: Domain) -> str:
    """The values of a parameter, as a comment has them."""
    match domain:
        case Fixed(value):
            return f"{shown(value)} in the file"
        case OneOfValues(each):
            return f"{shown(list(each))} in the file"
        case Interval(low, high):
            return f"{low:g} to {high:g} in the file"
        case Unspecified(why):
            return why


def interval(
    place: str, low: float, high: float, *, log: bool = False, step: float | None = None, whole: bool = False
) -> Domain:
    """An interval, or its one value; `TranslationError` if the ends are no range."""
    if low > high:
        raise TranslationError(
            f"{place} must have its lower end below the upper one, got {low:g} and {high:g}"
        )
    if log and low <= 0:
        raise TranslationError(f"{place} is logarithmic and must begin above 0, got {low:g}")
    if step is not None and step <= 0:
        raise TranslationError(f"{place} must have a step above 0, got {step:g}")
    return Fixed(low) if low == high else Interval(low, high, log, step, whole)


def listed(place: str, values: list[Any]) -> OneOfValues:
    """Values of a list, each once; `TranslationError` if there is none."""
    if not values:
        raise TranslationError(f"{place} must list at least one value, got none")
    found: list[Any] = []
    for value in values:
        if not any(type(value) is type(other) and value == other for other in found):
            found.append(value)
    return OneOfValues(tuple(found))
