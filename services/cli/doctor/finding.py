"""One line of the doctor's report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from services.addresses import without_passwords

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

    def __post_init__(self) -> None:
        """Show no password of an address that was checked."""
        object.__setattr__(self, "says", without_passwords(self.says))


def ok(name: str, says: str) -> Finding:
    """A finding that needs no action."""
    return Finding(name, "ok", says)


def warn(name: str, says: str, remedy: str) -> Finding:
    """A finding that limits something."""
    return Finding(name, "warn", says, remedy)


def missing(name: str, says: str, remedy: str) -> Finding:
    """A finding that must be put right."""
    return Finding(name, "missing", says, remedy)
