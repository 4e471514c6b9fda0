"""The confusion matrix of a trial's best weights."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from services.figures import colours, svg

MAX_CLASSES_WITH_COUNTS = 20  # with more classes, counts in the cells are too small to read
MAX_NAME_CHARS = 24  # of a class, beside its row and below its column
PART_NAMES = {"val": "validation images", "train": "training images"}
SHADES = 32  # of cells; those of one shade are one path
MIN_SCALE = 0.02  # share of errors at which cells are dark, if all errors are rarer
CELL, SMALL_PICTURE = 30, 640  # px: of a cell with a count; of all cells without
CHAR = 6.2  # px of a character, on average
TOP, AIR = 48, 14  # px


def confusion_matrix(
    title: str, part: str, counts: Sequence[Sequence[int]], class_names: Sequence[str] | None = None
) -> str:
    """Draw a cell for each class (row) and prediction (column): its colour is the share of the class.

    The diagonal does not count for the colour scale, so that errors are visible beside it. Classes without
    names are numbered.
    """
    classes, numbered = len(counts), len(counts) <= MAX_CLASSES_WITH_COUNTS
    cell = CELL if numbered else SMALL_PICTURE / classes
    labels = _labels(classes, class_names) if numbered else []
    room = AIR + CHAR * max(map(len, labels), default=0)
    left, size = room + 20, cell * classes
    shares = [[count / max(1, sum(row)) for count in row] for row in counts]
    darkest = max(
        [MIN_SCALE, *(each for i, row in enumerate(shares) for j, each in enumerate(row) if i != j)]
    )
    right, total = sum(counts[i][i] for i in range(classes)), sum(map(sum, counts))
    lines = [title, f"{PART_NAMES.get(part, part)}: {right} of {total} correct"]
    below = TOP + size + (room if class_names else AIR)
    width = max(left + size + AIR, 2 * AIR + CHAR * max(map(len, lines)))
    parts = [
        *svg.heading(AIR, lines),
        f'<g transform="translate({svg.number(left)} {TOP}) scale({svg.number(cell)})">',
        *_cells(shares, 1.5 * darkest),
        "</g>",
        f'<rect x="{svg.number(left)}" y="{TOP}" width="{svg.number(size)}" height="{svg.number(size)}" '
        f'fill="none" stroke="{svg.QUIET}"/>',
        *(_counts(counts, shares, darkest, left) if numbered else ()),
        *_names(labels, left, size, turned=bool(class_names)),
        svg.text(left + size / 2, below + 20, "predicted class", anchor="middle"),
        svg.text(12, TOP + size / 2, "true class", anchor="middle", turn=-90),
    ]
    return svg.document(min(width, left + size + 400), below + 32, "\n".join(lines), parts)


def _cells(shares: Sequence[Sequence[float]], darkest: float) -> Iterator[str]:
    """The cells, one wide and high, as one path for each shade; white ones are left out."""
    paths: dict[int, list[str]] = {}
    for i, row in enumerate(shares):
        for j, share in enumerate(row):
            if share:
                shade = max(1, round(min(1.0, share / darkest) * SHADES))
                paths.setdefault(shade, []).append(f"M{j} {i}h1v1h-1z")
    for shade, drawn in sorted(paths.items()):
        fill = colours.hexadecimal(colours.at(colours.SHARES, shade / SHADES))
        yield svg.path("".join(drawn), fill=fill)


def _counts(
    counts: Sequence[Sequence[int]], shares: Sequence[Sequence[float]], darkest: float, left: float
) -> Iterator[str]:
    for i, row in enumerate(counts):
        for j, count in enumerate(row):
            if count:
                x, y = left + CELL * (j + 0.5), TOP + CELL * (i + 0.5) + 4
                fill = "#fff" if shares[i][j] > 0.6 * darkest else svg.INK
                yield svg.text(x, y, str(count), anchor="middle", fill=fill)


def _names(labels: Sequence[str], left: float, size: float, turned: bool) -> Iterator[str]:
    """The classes beside the rows and below the columns."""
    for place, label in enumerate(labels):
        middle = CELL * (place + 0.5)
        yield svg.text(left - 6, TOP + middle + 4, label, anchor="end")
        if turned:
            yield svg.text(left + middle + 4, TOP + size + 8, label, anchor="end", turn=-90)
        else:
            yield svg.text(left + middle, TOP + size + 14, label, anchor="middle")


def _labels(classes: int, class_names: Sequence[str] | None) -> list[str]:
    if not class_names:
        return [str(number) for number in range(classes)]
    return [f"{number} {_plain(name)}" for number, name in enumerate(class_names)]


def _plain(name: str) -> str:
    return svg.shortened("".join(char if char.isprintable() else " " for char in name), MAX_NAME_CHARS)
