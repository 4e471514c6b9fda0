"""The width of packs: how many trials train side by side, of one replicate or several."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil

MAX_WIDTH = 12  # wider, a small net on one CPU core gains little more (docs/records.md)
MIN_WIDTH = 4
# On a GPU a step is recorded anew for each width, so there are few of them.
LADDER = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
FIRST_WIDTH = 64  # of a shape that no GPU of the kind has trained yet
KNEE = 1.1  # times as fast, or twice the width is not worth it
MEMORY_SHARE = 0.8  # of a GPU's, for the rows of a pack and its data
UNKNOWN_MEMORY = 2**31  # of a GPU whose driver does not say how much it has
OWN_BATCHES_COST = 1.25  # of a row with own batches, relative to one that shares them (docs/records.md)


@dataclass(frozen=True)
class Arrangement:
    """Rows of every pack of one shape; `mixed`: trials of different replicates may share a pack."""

    width: int
    mixed: bool


def arrange(
    points: int, seeds: int, bytes_per_row: int, memory: int, *, own_batches: bool = False
) -> Arrangement:
    """Choose the most rows of a pack of one shape; `next_rows` divides the trials among as many packs.

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
        return _cost(packs(points, seeds, one), one.width * row)

    if own_batches:
        return min(choices(True), key=cost)
    return min([*choices(False), *(choices(True) if seeds > 1 else [])], key=cost)


def _cost(packs: int, rows: float) -> float:
    return (packs + packs % 2) * (rows + 1)


def packs(points: int, seeds: int, arrangement: Arrangement) -> int:
    """How many packs the trials of one shape fill."""
    if arrangement.mixed:
        return -(-points * seeds // arrangement.width)
    return -(-points // arrangement.width) * seeds


def next_rows(left: int, most: int) -> int:
    """The trials of the next pack, of so many that are left: as many packs as needed, all about as wide.

    So no row is dead, and which trials train together does not depend on when the packs are formed.
    """
    return -(-left // -(-left // most))


def width_after_rung(trials: int, most: int) -> int:
    """The most rows of a pack of trials that go on from a rung, where a device takes `most`.

    As for new trials: packs · (rows + 1) is least, with an even number of packs.
    """
    least = min(MIN_WIDTH, trials, most)
    return min(range(least, min(trials, most) + 1), key=lambda rows: _cost(-(-trials // rows), rows))


def on_ladder(rows: int) -> int:
    """The least width of the ladder that has room for so many rows."""
    return next((width for width in LADDER if width >= rows), LADDER[-1])


def gpu_memory(rows: int, bytes_per_row: int, beside: int) -> int:
    """The memory that a GPU must have for an array of so many rows, in bytes.

    `beside` are the bytes that all rows share, the data first of all. A single row needs none: it is tried on
    any GPU, because what it takes is only an estimate.
    """
    return 0 if rows == 1 else ceil((beside + rows * bytes_per_row) / MEMORY_SHARE)


def usable_memory(memory: int) -> int:
    """The bytes that packs may count with on a GPU that has so many; 0 where its driver does not say."""
    return memory or UNKNOWN_MEMORY


def widest(bytes_per_row: int, beside: int, memory: int, too_wide: int | None = None) -> int:
    """The ladder's last width for which a GPU has the memory; below `too_wide`, which has run out of it."""
    fits = [
        width
        for width in LADDER
        if gpu_memory(width, bytes_per_row, beside) <= usable_memory(memory)
        and (too_wide is None or width < too_wide)
    ]
    return max(fits, default=LADDER[0])


def ladder_width(trials: int, most: int, speeds: Mapping[int, float]) -> int:
    """Choose the rows of the packs of one shape on GPUs that take `most` at most.

    The ladder's width has room for all trials, at most. `speeds` are images per second by width, as measured
    before: the width doubles as long as that paid, and once more, to try whether it does.
    """
    enough = min(most, on_ladder(trials))
    rungs = [width for width in LADDER if width <= enough]
    known = [width for width in rungs if width in speeds]
    if not known:
        return min(FIRST_WIDTH, rungs[-1])
    best = known[0]
    for width in known[1:]:
        if speeds[width] < KNEE * speeds[best]:
            return best
        best = width
    return min(2 * best, rungs[-1])
