"""A table that fits its terminal and cuts no value: columns are left out, or each row becomes a block."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions
from rich.text import Text

from services.cli.show.paragraph import wrapped

GAP = 2  # spaces between two columns
MIN_PROSE_WIDTH = 20  # that a column of prose is given at least, unless it needs less


class FittedTable:
    """Rows under headings, without borders; every value is printed in full, whatever the width.

    Where all columns do not fit, those of `spare`, by index, are left out, the first one first. Where that is
    not enough, each row is a block with a line for each of its values. With `prose` the last column is text
    that is broken between words in its place; elsewhere only blocks break values, and never within a word.
    """

    def __init__(self, columns: Sequence[str], spare: Sequence[int] = (), prose: bool = False) -> None:
        self.columns = list(columns)
        self.spare = [range(len(self.columns))[column] for column in spare]
        self.prose = len(self.columns) - 1 if prose else None
        self.rows: list[list[Text]] = []

    def add_row(self, *cells: str | Text) -> None:
        """Add a row of cells without markup."""
        texts = [Text(cell) if isinstance(cell, str) else cell for cell in cells]
        self.rows.append([Text(" ".join(text.plain.split()), text.style) for text in texts])

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        """Render it in the width that there is."""
        shown = self._fitting(options.max_width)
        if shown is None:
            yield from self._blocks(options.max_width)
        else:
            yield from self._lines(shown, options.max_width)

    def _fitting(self, width: int) -> list[int] | None:
        """The columns that fit, by index; None if those that must be shown do not."""
        shown = list(range(len(self.columns)))
        left = list(self.spare)
        while sum(map(self._least, shown)) + GAP * (len(shown) - 1) > width:
            if not left:
                return None
            shown.remove(left.pop(0))
        return shown

    def _width(self, column: int) -> int:
        return max(map(cell_len, [self.columns[column], *(row[column].plain for row in self.rows)]))

    def _least(self, column: int) -> int:
        """The width that a column needs: that of its words, for prose."""
        if column != self.prose:
            return self._width(column)
        words = [word for row in self.rows for word in row[column].plain.split()]
        longest = max(map(cell_len, [self.columns[column], *words]))
        return max(longest, min(MIN_PROSE_WIDTH, self._width(column)))

    def _lines(self, shown: Sequence[int], width: int) -> Iterator[Text]:
        widths = {column: self._width(column) for column in shown}
        if self.prose is not None:
            others = sum(each + GAP for column, each in widths.items() if column != self.prose)
            widths[self.prose] = width - others
        heading = [Text(column, "bold") for column in self.columns]
        for row in [heading, *self.rows]:
            cells = [
                list(wrapped(row[column].plain.split(), widths[column]))
                if column == self.prose
                else [row[column].plain]
                for column in shown
            ]
            for parts in zip_longest(*cells, fillvalue=""):
                line = Text()
                for column, part in zip(shown, parts, strict=True):
                    line.append(part, row[column].style).append(" " * (widths[column] - cell_len(part) + GAP))
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
    first = Text().append(name, "bold").append(" " * (indent - cell_len(name)))
    if indent + longest > width:
        indent = min(GAP, max(0, width - longest))
        yield Text(name, "bold")
        first = Text(" " * indent)
    for line in wrapped(words, width - indent):
        yield first.append(line, text.style)
        first = Text(" " * indent)
