"""One line of the doctor's report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "warn", "missing"]


@dataclass(frozen=True)
class Finding:
    """What was looked at and what it is like; `remedy` says what to do where it is not right.

    `missing` is what `cnnlab` cannot do without, `warn` what it can, at a price that is said.
    """

    name: str
    level: Level
    says: str
    remedy: str = ""


def ok(name: str, says: str) -> Finding:
    """Nothing to do."""
    return Finding(name, "ok", says)


def warn(name: str, says: str, remedy: str) -> Finding:
    """Something to know."""
    return Finding(name, "warn", says, remedy)


def missing(name: str, says: str, remedy: str) -> Finding:
    """Something to get."""
    return Finding(name, "missing", says, remedy)
