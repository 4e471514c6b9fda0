"""A table that fits its terminal and cuts no value: columns are left out, or each row becomes a block."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions
from rich.text import Text

GAP = 2  # spaces between two columns


class FittedTable:
    """Rows under headings, without borders; every value is printed in full, whatever the width.

    Where all columns do not fit, those of `spare`, by index, are left out, the first one first. Where that is
    not enough, each row is a block with a line for each of its values; values are broken between words only.
    """

    def __init__(self, columns: Sequence[str], spare: Sequence[int] = ()) -> None:
        self.columns = list(columns)
        self.spare = [range(len(self.columns))[column] for column in spare]
        self.rows: list[list[Text]] = []

    def add_row(self, *cells: str | Text) -> None:
        """Add a row; a cell is a text, or a string in Rich's markup."""
        texts = [Text.from_markup(cell) if isinstance(cell, str) else cell for cell in cells]
        self.rows.append([Text(" ".join(text.plain.split()), text.style) for text in texts])

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        """Render it in the width that there is."""
        shown = self._fitting(options.max_width)
        yield from self._blocks(options.max_width) if shown is None else self._lines(shown)

    def _fitting(self, width: int) -> list[int] | None:
        """The columns that fit, by index; None if those that must be shown do not."""
        shown = list(range(len(self.columns)))
        left = list(self.spare)
        while sum(map(self._width, shown)) + GAP * (len(shown) - 1) > width:
            if not left:
                return None
            shown.remove(left.pop(0))
        return shown

    def _width(self, column: int) -> int:
        return max(map(cell_len, [self.columns[column], *(row[column].plain for row in self.rows)]))

    def _lines(self, shown: Sequence[int]) -> Iterator[Text]:
        heading = [Text(column, "bold") for column in self.columns]
        for row in [heading, *self.rows]:
            line = Text()
            for column in shown:
                text = row[column]
                line.append_text(text).append(" " * (self._width(column) - cell_len(text.plain) + GAP))
            line.rstrip()
            yield line

    def _blocks(self, width: int) -> Iterator[Text]:
        names = max(map(cell_len, self.columns))
        for place, row in enumerate(self.rows):
            if place:
                yield Text()
            for name, text in zip(self.columns, row, strict=True):
                if text.plain:
                    yield from _named(name, text, names, width)


def _named(name: str, text: Text, names: int, width: int) -> Iterator[Text]:
    """A value beside its name; below it if its longest word needs the whole width."""
    words = text.plain.split()
    longest = max(map(cell_len, words))
    indent = names + GAP
    first = Text(f"{name}{' ' * (indent - cell_len(name))}", "bold")
    if indent + longest > width:
        indent = min(GAP, max(0, width - longest))
        yield Text(name, "bold")
        first = Text(" " * indent)
    for line in wrapped(words, width - indent):
        yield first.append(line, text.style)
        first = Text(" " * indent)


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
