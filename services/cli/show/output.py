"""What goes to stdout: results, as tables for people or as JSON for programs; everything else to stderr."""

from __future__ import annotations

import json
import sys
from typing import Any, TextIO

from rich.console import Console, RenderableType


class Output:
    """One command's voice."""

    def __init__(self, as_json: bool) -> None:
        self.as_json = as_json
        self.console = _console(sys.stdout)
        self._aside = _console(sys.stderr)

    def result(self, data: Any, *shown: RenderableType) -> None:
        """Print the data as one line of JSON, or what people are to see of it."""
        if self.as_json:
            sys.stdout.write(json.dumps(data, ensure_ascii=False) + "\n")
            sys.stdout.flush()
            return
        for part in shown:
            self.console.print(part)

    def say(self, words: str) -> None:
        """Tell what goes on; on stderr where stdout belongs to a program."""
        (self._aside if self.as_json else self.console).print(words, markup=False)


def _console(stream: TextIO) -> Console:
    """A file or a pipe has no width of its own: there, nothing is cut off."""
    return Console(file=stream, highlight=False, soft_wrap=True, width=None if stream.isatty() else 500)
