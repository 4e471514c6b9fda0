"""What a file of `commands/` defines: a function and how the list of commands shows it."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple


class Panel(StrEnum):
    """The headings in the list of commands, in their order."""

    SERVICE = "The service on this machine"
    SWEEPS = "Sweeps"
    RESULTS = "Results"


class Subcommand(NamedTuple):
    """One command of `cnnlab`. `example` is the rest of a command line that a user could type."""

    run: Callable[..., None]
    panel: Panel
    example: str

    @property
    def name(self) -> str:
        """The command's name: that of its function, and of its file."""
        return self.run.__name__


def subcommand(panel: Panel, example: str) -> Callable[[Callable[..., None]], Subcommand]:
    """Make a function a subcommand; its docstring is the help, its annotations are the options."""
    return lambda run: Subcommand(run, panel, example)
