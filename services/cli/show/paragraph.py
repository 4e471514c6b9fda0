"""Text that a terminal breaks between words only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions
from rich.text import Text

INDENT = 2  # spaces before each line but the first


@dataclass(frozen=True)
class Paragraph:
    """A text without markup; a file or a pipe gets it in one line."""

    text: str

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        """Render it in the width that there is."""
        if not options.is_terminal or cell_len(self.text) <= options.max_width:
            yield Text(self.text)
            return
        before = len(self.text) - len(self.text.lstrip())
        lines = wrapped(self.text.split(), options.max_width - before - INDENT)
        for number, line in enumerate(lines):
            yield Text(" " * (before + (INDENT if number else 0)) + line)


def wrapped(words: Sequence[str], width: int) -> Iterator[str]:
    """Lines of whole words, none wider than `width` unless a word is."""
    line = ""
    for word in words:
        if line and cell_len(line) + 1 + cell_len(word) > width:
            yield line
            line = word
        else:
            line = f"{line} {word}" if line else word
    if line:
        yield line
