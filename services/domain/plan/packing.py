"""The width of packs: how many trials train side by side, of one replicate or several, and in which rows."""

from __future__ import annotations

from dataclasses import dataclass

MAX_WIDTH = 12  # wider, a small net on one CPU core gains little more (docs/records.md)
MIN_WIDTH = 4
OWN_BATCHES_COST = 1.25  # of a row with own batches, relative to one that shares them (docs/records.md)


@dataclass(frozen=True)
class Arrangement:
    """Rows of every pack of one shape; `mixed`: trials of different replicates may share a pack."""

    width: int
    mixed: bool


def arrange(
    points: int, seeds: int, bytes_per_row: int, memory: int, *, own_batches: bool = False
) -> Arrangement:
    """Choose the rows of every pack of one shape; a pack with fewer trials is padded with dead rows.

    With `own_batches` no trial sees the batches of another, so a pack of one replicate only gains nothing.
    The choice depends on the space alone and never on the number of workers, and so a sweep's numbers do not
    depend on that either. It minimizes packs · (rows + 1): the number of packs, rounded up to an even one so
    that two workers finish together, times the rows of each and a fixed cost of one row.
    """
    fits = max(1, memory // max(bytes_per_row, 1))

    def choices(mixed: bool) -> list[Arrangement]:
        most = min(MAX_WIDTH, points * seeds if mixed else points, fits)
        least = 1 if fits < MIN_WIDTH else min(MIN_WIDTH, most)  # a dead row of a large net costs much
        return [Arrangement(rows, mixed) for rows in range(least, most + 1)]

    def cost(one: Arrangement) -> float:
        row = OWN_BATCHES_COST if one.mixed else 1.0
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
    """The row of the trial at this position among those that may share its array.

    It never changes, because the bits of float32 results depend on width and row.
    """
    return position % rows
