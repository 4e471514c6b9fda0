"""How many trials train side by side, and which row each takes."""

from __future__ import annotations

# Beyond this a small net on one CPU core gains nothing more by going wider (docs/records.md).
LARGEST = 10
SMALLEST = 4


def width(trials: int, bytes_per_row: int, memory: int) -> int:
    """Choose the rows of every pack of one shape; a pack with fewer trials is padded with dead rows.

    It depends on the space alone, never on how many workers there are, so that a sweep's numbers do not
    either. The estimate to be small: packs, rounded up to an even number so that two workers finish
    together, times the rows of each plus one row's worth of fixed cost.
    """
    fits = max(1, memory // max(bytes_per_row, 1))
    most = min(LARGEST, trials, fits)

    def cost(rows: int) -> int:
        packs = -(-trials // rows)
        return (packs + packs % 2) * (rows + 1)

    return min(range(min(SMALLEST, most), most + 1), key=cost)


def row(position: int, rows: int) -> int:
    """The row of a shape's `position`-th trial, for ever: float32 bits depend on width and row."""
    return position % rows
