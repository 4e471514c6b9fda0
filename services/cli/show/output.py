"""Where a command prints: results on stdout, as tables or as JSON; with JSON, everything else on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from typing import Any, TextIO

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from services import escaping

PIPE_WIDTH = 500  # columns of a file or a pipe: wide enough that no table is cut off


class PlainConsole(Console):
    """A console that prints text as it is: no markup, no emoji codes, nothing that steers a terminal.

    Colours come from `Text` and tables alone.
    """

    def __init__(self, stream: TextIO) -> None:
        super().__init__(
            file=stream,
            highlight=False,
            markup=False,
            emoji=False,
            soft_wrap=True,
            width=None if stream.isatty() else PIPE_WIDTH,
        )

    def render_str(self, text: str, **styles: Any) -> Text:
        """Take a string for what it shows, so that columns are as wide as that."""
        return super().render_str(escaping.terminal(text), **styles)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Render, whatever it is, without a character that steers the terminal."""
        for segment in super().render(renderable, options):
            plain = segment.control or escaping.is_plain(segment.text)
            yield segment if plain else Segment(escaping.terminal(segment.text), segment.style)


class Output:
    """The output of one command."""

    def __init__(self, as_json: bool) -> None:
        self.as_json = as_json
        self.console = PlainConsole(sys.stdout)
        self._messages = PlainConsole(sys.stderr) if as_json else self.console

    def result(self, data: Any, *shown: RenderableType) -> None:
        """Print the data as one line of JSON, or for people what is shown instead."""
        if self.as_json:
            sys.stdout.write(escaping.json_line(json.dumps(data, ensure_ascii=False)) + "\n")
            sys.stdout.flush()
            return
        for part in shown:
            self.console.print(part)

    def message(self, text: str) -> None:
        """Print a message about what is going on; on stderr if stdout is for a program."""
        self._messages.print(text)
