"""How many trials train side by side, whether of one replicate or of several, and which row each takes."""

from __future__ import annotations

from dataclasses import dataclass

# Beyond this a small net on one CPU core gains nothing more by going wider (docs/records.md).
LARGEST = 10
SMALLEST = 4
# What a row costs when its batches are its own (docs/records.md).
OWN_BATCHES = 1.25


@dataclass(frozen=True)
class Arrangement:
    """Rows of every pack of one shape; `mixed`: trials of different replicates may share a pack."""

    width: int
    mixed: bool


def arrange(
    points: int, seeds: int, bytes_per_row: int, memory: int, *, own_batches: bool = False
) -> Arrangement:
    """Choose the rows of every pack of one shape; a pack with fewer trials is padded with dead rows.

    With `own_batches` no trial sees the batches of another, so there is nothing to gain from one replicate.
    It depends on the space alone, never on how many workers there are, so that a sweep's numbers do not
    either. The estimate to be small: packs, rounded up to an even number so that two workers finish
    together, times the rows of each plus one row's worth of fixed cost.
    """
    fits = max(1, memory // max(bytes_per_row, 1))

    def choices(mixed: bool) -> list[Arrangement]:
        most = min(LARGEST, points * seeds if mixed else points, fits)
        return [Arrangement(rows, mixed) for rows in range(min(SMALLEST, most), most + 1)]

    def cost(one: Arrangement) -> float:
        row = OWN_BATCHES if one.mixed else 1.0
        count = packs(points, seeds, one)
        return (count + count % 2) * (one.width * row + 1)

    if own_batches:
        return min(choices(True), key=cost)
    return min([*choices(False), *(choices(True) if seeds > 1 else [])], key=cost)


def packs(points: int, seeds: int, arrangement: Arrangement) -> int:
    """How many packs the trials of one shape fill."""
    if arrangement.mixed:
        return -(-points * seeds // arrangement.width)
    return -(-points // arrangement.width) * seeds


def row(position: int, rows: int) -> int:
    """The row of a trial at this position among those it may share an array with, for ever: float32 bits
    depend on width and row."""
    return position % rows
