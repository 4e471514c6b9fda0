"""One line of the doctor's report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "warn", "missing"]


@dataclass(frozen=True)
class Finding:
    """What was checked (`name`), what was found (`says`), and what to do about it (`remedy`).

    `missing`: cnnlab cannot run without it. `warn`: it can, with the limitation that `says` describes.
    """

    name: str
    level: Level
    says: str
    remedy: str = ""


def ok(name: str, says: str) -> Finding:
    """A finding that needs no action."""
    return Finding(name, "ok", says)


def warn(name: str, says: str, remedy: str) -> Finding:
    """A finding that limits something."""
    return Finding(name, "warn", says, remedy)


def missing(name: str, says: str, remedy: str) -> Finding:
    """A finding that must be put right."""
    return Finding(name, "missing", says, remedy)
