"""Where a command prints: results on stdout, as tables or as JSON; with JSON, everything else on stderr."""

from __future__ import annotations

import json
import sys
from typing import Any, TextIO

from rich.console import Console, RenderableType

PIPE_WIDTH = 500  # columns of a file or a pipe: wide enough that no table is cut off


class Output:
    """The output of one command."""

    def __init__(self, as_json: bool) -> None:
        self.as_json = as_json
        self.console = _console(sys.stdout)
        self._messages = _console(sys.stderr) if as_json else self.console

    def result(self, data: Any, *shown: RenderableType) -> None:
        """Print the data as one line of JSON, or for people what is shown instead."""
        if self.as_json:
            sys.stdout.write(json.dumps(data, ensure_ascii=False) + "\n")
            sys.stdout.flush()
            return
        for part in shown:
            self.console.print(part)

    def message(self, text: str) -> None:
        """Print a message about what is going on; on stderr if stdout is for a program."""
        self._messages.print(text, markup=False)


def _console(stream: TextIO) -> Console:
    return Console(
        file=stream, highlight=False, soft_wrap=True, width=None if stream.isatty() else PIPE_WIDTH
    )
