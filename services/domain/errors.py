"""Everything the control plane refuses, as one tree of exceptions.

ServiceError
├── Refused          the request cannot be met; each subclass is one HTTP status
│   ├── SpecError        422  the spec is wrong; carries one Problem per fault
│   ├── ParameterError   422  a header or a parameter of the request cannot be used
│   ├── NotFound         404  no such sweep, trial or entry
│   ├── StateForbids     409  the action does not fit the present state
│   └── Unreadable       409  what is stored of a sweep cannot be read
└── Fenced           a worker writes under a lease that it no longer holds
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches


def nearest(name: str, known: Iterable[str]) -> str:
    """Say which known name was probably meant: `" Did you mean 'adam'?"`, or nothing."""
    close = get_close_matches(name, list(known), n=1)
    return f" Did you mean {close[0]!r}?" if close else ""


def pointer(*parts: str | int) -> str:
    """The JSON pointer (RFC 6901) that goes down these keys and indices."""
    return "".join(below("", part) for part in parts)


def below(place: str, part: str | int) -> str:
    """The pointer one step below a place."""
    return f"{place}/{str(part).replace('~', '~0').replace('/', '~1')}"


def parts_of(place: str) -> list[str]:
    """The keys and indices of a pointer."""
    return [part.replace("~1", "/").replace("~0", "~") for part in place.split("/")[1:]]


@dataclass(frozen=True)
class Problem:
    """One fault of a request: where it is (a JSON pointer, RFC 6901) and what to change."""

    pointer: str
    detail: str


class ServiceError(Exception):
    """Base of everything the control plane raises on purpose."""


class Refused(ServiceError):
    """A request that cannot be met; `detail` tells the user what to change."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class SpecError(Refused):
    """The submitted spec is wrong in one or more places."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(f"{p.pointer or '/'}: {p.detail}" for p in problems))
        self.problems = tuple(problems)


class ParameterError(Refused):
    """A header or a query parameter that cannot be used; the detail names it."""


class NotFound(Refused):
    """Nothing has that name."""


class StateForbids(Refused):
    """The thing exists, but its present state does not allow the action."""


class Unreadable(Refused):
    """What is stored of a sweep cannot be read: another version wrote it, or a hand changed it."""


class Fenced(ServiceError):
    """The pack's lease is gone: roll back, stop the runner, write nothing more."""
