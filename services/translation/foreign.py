"""A sweep of another tool, in terms that all of them share; what reads a format makes one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from services.translation.parameter import ForeignParameter


@dataclass
class ForeignSweep:
    """What a sweep file says. Empty or None: it says nothing of it.

    `goal` is maximize or minimize, `at` best or last. `hints` are texts that may name a data set. `lost` has
    what has no counterpart, by its place in the file; `notes` what to say of a field of the spec.
    """

    tool: str
    name: str = ""
    description: str = ""
    project: str = ""
    parameters: list[ForeignParameter] = field(default_factory=list)
    search: str = ""
    metric: str = ""
    goal: str = ""
    at: str = "best"
    target: float | None = None
    max_trials: int | None = None
    epochs: int | None = None
    stop: list[dict[str, Any]] = field(default_factory=list)
    hints: list[str] = field(default_factory=list)
    notes: list[tuple[str, str]] = field(default_factory=list)
    lost: list[tuple[str, str]] = field(default_factory=list)

    def note(self, field_name: str, text: str) -> None:
        """Say something of a field of the spec."""
        self.notes.append((field_name, text))
