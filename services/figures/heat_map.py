"""The mean result over the values of two axes, as a heat map."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from services.domain.results.axis_levels import NO_VALUE
from services.domain.results.intervals import rounded
from services.figures import colours, svg
from services.figures.axis_places import AxisPlaces, thinned
from services.figures.value_span import value_span

MIN_BINS, MAX_BINS = 3, 10  # of a range
SIDE = 420  # px that the cells of an axis take together, unless they would be too small or too large
MIN_CELL, MAX_CELL = 14, 64  # px
MIN_CELL_WITH_TEXT = 40  # px
MAX_LABELS = 24  # beside the cells of a list
MAX_NAME_CHARS = 22  # of a category beside its cells
CHAR = 6.2  # px of a character, on average
TOP, AIR, GAP = 52, 14, 8  # px; the gap is before the cells of points without a value
EMPTY = "#f1f1f4"
KEY_SHADES = 40


@dataclass(frozen=True)
class _Side:
    """The cells along one axis: the cell of each point, and where cells and texts are, in px."""

    axis: AxisPlaces
    inactive: bool  # whether the last cell is that of points without a value
    at: Sequence[int]
    cells: int
    size: float

    def place(self, cell: float) -> float:
        """Where a cell begins; that of points without a value stands apart."""
        return self.size * cell + (GAP if self.inactive and cell >= self.cells - 1 else 0)

    @property
    def length(self) -> float:
        return self.place(self.cells - 1) + self.size


def heat_map(
    lines: Sequence[str],
    x: AxisPlaces,
    y: AxisPlaces,
    results: Sequence[float],
    *,
    metric: str,
    larger_is_better: bool,
) -> str:
    """Draw a cell for each pair of values, or of bins of equal width on the axis's scale; darker is better.

    A cell shows the mean of its points' results and how many they are, where it is large enough for text.
    Cells without points are grey. Points at which an axis has no value have cells of their own.
    """
    across, down = (_side(axis, len(results)) for axis in (x, y))
    groups: dict[tuple[int, int], list[float]] = {}
    for column, row, result in zip(across.at, down.at, results, strict=True):
        groups.setdefault((column, row), []).append(result)
    means = {cell: statistics.fmean(group) for cell, group in groups.items()}
    low, high = value_span(list(means.values()), larger_is_better=larger_is_better)
    names = [svg.shortened(text, MAX_NAME_CHARS) for _, text in y.ticks] + [NO_VALUE]
    left = 26 + AIR + CHAR * max(map(len, names))
    shades = {cell: _shade(mean, low, high, larger_is_better) for cell, mean in means.items()}
    parts = [*svg.heading(AIR, lines), *_empty(across, down, left)]
    for (column, row), shade in sorted(shades.items()):
        parts += _cell(across, down, left, (column, row), shade, groups[column, row], high - low)
    parts += _labels_down(down, left)
    turned = (
        max((len(text) for _, text in x.ticks), default=0) * CHAR > across.size and x.categories is not None
    )
    parts += _labels_across(across, left, TOP + down.length, turned)
    below = (
        TOP
        + down.length
        + (16 + CHAR * min(MAX_NAME_CHARS, max(len(t) for _, t in x.ticks)) if turned else 20)
    )
    parts += [
        svg.text(left + across.length / 2, below + 16, svg.shortened(x.name, 60), anchor="middle"),
        svg.text(14, TOP + down.length / 2, svg.shortened(y.name, 40), anchor="middle", turn=-90),
        *_key(left + across.length + 28, metric, (low, high), larger_is_better),
    ]
    width = max(left + across.length + 170, 2 * AIR + CHAR * max(map(len, lines)))
    return svg.document(width, max(below + 28, TOP + 190), "\n".join(lines), parts)


def _side(axis: AxisPlaces, points: int) -> _Side:
    """The cells of an axis: a value each, or bins whose number grows with that of the points."""
    cells = axis.categories or min(MAX_BINS, max(MIN_BINS, 1 + round(points ** (1 / 3))))
    at = [cells if place is None else min(cells - 1, int(place * cells)) for place in axis.at]
    total = cells + axis.inactive
    return _Side(axis, axis.inactive, at, total, min(MAX_CELL, max(MIN_CELL, SIDE / total)))


def _shade(value: float, low: float, high: float, larger_is_better: bool) -> float:
    share = min(1.0, max(0.0, (value - low) / (high - low))) if high > low else 0.5
    return 0.08 + 0.92 * (share if larger_is_better else 1 - share)  # never white, as empty cells nearly are


def _empty(across: _Side, down: _Side, left: float) -> Iterator[str]:
    """The ground of the cells: one rectangle for each part of the axes."""
    for x, width in _spans(across):
        for y, height in _spans(down):
            yield _rectangle(left + x, TOP + y, width, height, EMPTY)


def _spans(side: _Side) -> list[tuple[float, float]]:
    """Where cells lie along an axis: begin and length, those without a value apart."""
    active = side.cells - side.inactive
    spans = [(0.0, side.size * active)] if active else []
    return [*spans, (side.place(active), side.size)] if side.inactive else spans


def _cell(
    across: _Side,
    down: _Side,
    left: float,
    cell: tuple[int, int],
    shade: float,
    group: Sequence[float],
    span: float,
) -> Iterator[str]:
    x, y = left + across.place(cell[0]), TOP + down.place(_from_below(down, cell[1]))
    fill = colours.hexadecimal(colours.at(colours.SHARES, shade))
    yield _rectangle(x, y, across.size - 1, down.size - 1, fill)
    if min(across.size, down.size) < MIN_CELL_WITH_TEXT:
        return
    ink = "#fff" if shade > 0.72 else svg.INK
    middle = y + down.size / 2
    mean = rounded(statistics.fmean(group), span or 1)
    yield svg.text(x + across.size / 2, middle, mean, anchor="middle", fill=ink)
    yield svg.text(x + across.size / 2, middle + 14, f"n {len(group)}", anchor="middle", fill=ink)


def _from_below(side: _Side, cell: int) -> int:
    """A range rises from below; a list is read from above, and no value is the last row of both."""
    active = side.cells - side.inactive
    return cell if side.axis.categories is not None or cell >= active else active - 1 - cell


def _texts(side: _Side) -> list[tuple[float, str]]:
    """The places of ticks in cells from the axis's beginning, with their texts."""
    active = side.cells - side.inactive
    ticks = thinned(side.axis.ticks, MAX_LABELS)
    return [(place * active, svg.shortened(text, MAX_NAME_CHARS)) for place, text in ticks]


def _labels_down(side: _Side, left: float) -> Iterator[str]:
    active = side.cells - side.inactive
    for place, text in _texts(side):
        at = place if side.axis.categories is not None else active - place
        yield svg.text(left - 8, TOP + side.size * at + 4, text, anchor="end", fill=svg.QUIET)
    if side.inactive:
        y = TOP + side.place(active) + side.size / 2 + 4
        yield svg.text(left - 8, y, NO_VALUE, anchor="end", fill=svg.QUIET)


def _labels_across(side: _Side, left: float, top: float, turned: bool) -> Iterator[str]:
    named = [(side.size * place, text) for place, text in _texts(side)]
    active = side.cells - side.inactive
    if side.inactive:
        named.append((side.place(active) + side.size / 2, NO_VALUE))
    for x, text in named:
        if turned:
            yield svg.text(left + x + 4, top + 8, text, anchor="end", fill=svg.QUIET, turn=-90)
        else:
            yield svg.text(left + x, top + 16, text, anchor="middle", fill=svg.QUIET)


def _key(x: float, metric: str, ends: tuple[float, float], larger_is_better: bool) -> Iterator[str]:
    """The scale of colours with the values at its ends, the better one above."""
    low, high = ends
    yield svg.text(x, TOP + 8, svg.shortened(f"mean {metric}", 22))
    for step in range(KEY_SHADES):
        fill = colours.hexadecimal(colours.at(colours.SHARES, 0.08 + 0.92 * (1 - step / (KEY_SHADES - 1))))
        yield _rectangle(x, TOP + 18 + 3 * step, 16, 3.2, fill)
    span = high - low
    better, worse = (high, low) if larger_is_better else (low, high)
    yield svg.text(x + 22, TOP + 27, rounded(better, span or 1))
    yield svg.text(x + 22, TOP + 18 + 3 * KEY_SHADES, rounded(worse, span or 1))


def _rectangle(x: float, y: float, width: float, height: float, fill: str) -> str:
    place = (
        f'x="{svg.number(x)}" y="{svg.number(y)}" width="{svg.number(width)}" height="{svg.number(height)}"'
    )
    return f'<rect {place} fill="{fill}"/>'
