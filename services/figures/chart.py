"""Lines over epochs in one panel: axes with round numbers, gaps where a value has no place."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from services.figures import colours, svg

Curve = Sequence[tuple[int, float]]  # epochs, rising, with values

LEFT, RIGHT, TOP, BOTTOM = 56, 12, 10, 36  # px around the lines
MAX_DOTS = 40  # epochs that are marked by dots
TICKS = 5
ROUND = (1, 2, 5, 10)
MAX_MAGNITUDE = 1e300  # of a value with a place: sums of such do not overflow
MIN_SPREAD = 1e-9  # of values that differ, as a share of the largest


@dataclass(frozen=True)
class Area:
    """Where a chart is, in px, with its margins."""

    x: float
    y: float
    width: float
    height: float


def lines(panel: Area, curves: Mapping[str, Curve], label: str) -> Iterator[str]:
    """Draw a panel with a line for each curve, in the order of `colours.LINES`; the first one lies on top."""
    values = [value for curve in curves.values() for _, value in curve if _has_place(value)]
    epochs = [epoch for curve in curves.values() for epoch, _ in curve] or [1]
    rows = ticks(min(values, default=0.0), max(values, default=1.0))
    columns = [each for each in ticks(min(epochs), max(epochs)) if each == int(each)]
    columns = [each for each in columns if min(epochs) <= each <= max(epochs)] or [float(epochs[0])]
    left, right = panel.x + LEFT, panel.x + panel.width - RIGHT
    top, bottom = panel.y + TOP, panel.y + panel.height - BOTTOM
    first, span = min(epochs), max(epochs) - min(epochs)

    def x(epoch: float) -> float:
        return left + (right - left) * ((epoch - first) / span if span else 0.5)

    def y(value: float) -> float:
        return bottom - (bottom - top) * (value - rows[0]) / (rows[-1] - rows[0])

    for row in rows:
        yield svg.path(f"M{svg.number(left)} {svg.number(y(row))}H{svg.number(right)}", stroke=svg.GRID)
        yield svg.text(left - 6, y(row) + 4, f"{row:.6g}", anchor="end", fill=svg.QUIET)
    for column in columns:
        yield svg.text(x(column), bottom + 16, f"{column:.0f}", anchor="middle", fill=svg.QUIET)
    yield svg.text((left + right) / 2, bottom + 31, "epoch", anchor="middle")
    yield svg.text(panel.x + 12, (top + bottom) / 2, label, anchor="middle", turn=-90)
    for place, curve in reversed(list(enumerate(curves.values()))):
        drawn = [(x(epoch), y(value)) if _has_place(value) else None for epoch, value in curve]
        yield from _line(drawn, colour(place))


def legend(x: float, y: float, names: Sequence[str], chars: int) -> Iterator[str]:
    """A line of its colour before each name, one below the other."""
    for place, name in enumerate(names):
        height = y + 16 * place
        yield svg.path(f"M{svg.number(x)} {svg.number(height - 4)}h16", stroke=colour(place), width=2)
        yield svg.text(x + 22, height, svg.shortened(name, chars))


def colour(place: int) -> str:
    """The colour of a line by its place."""
    return colours.LINES[place % len(colours.LINES)]


def ticks(low: float, high: float) -> list[float]:
    """About TICKS round numbers that span an interval; one without a length is widened."""
    largest = max(abs(low), abs(high))
    if high - low <= MIN_SPREAD * max(largest, 1 / MAX_MAGNITUDE):
        low, high = low - (largest / 10 or 1), high + (largest / 10 or 1)
    rough = (high - low) / TICKS
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(each * size for each in ROUND if each * size >= rough * (1 - 1e-9))
    begin, end = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [float(f"{place * step:.12g}") for place in range(begin, end + 1)]


def _has_place(value: float) -> bool:
    return abs(value) <= MAX_MAGNITUDE  # false of NaN


def _line(places: Sequence[tuple[float, float] | None], stroke: str) -> Iterator[str]:
    """A line through these places, broken where there is none; few places are marked, and lonely ones."""
    d, before = [], None
    for place in places:
        if place:
            d.append(f"{'L' if before else 'M'}{svg.number(place[0])} {svg.number(place[1])}")
        before = place
    if d:
        yield svg.path("".join(d), stroke=stroke, width=1.5)
    for index, place in enumerate(places):
        alone = not any(places[max(0, index - 1) : index] or places[index + 1 : index + 2])
        if place and (alone or len(places) <= MAX_DOTS):
            yield f'<circle cx="{svg.number(place[0])}" cy="{svg.number(place[1])}" r="2" fill="{stroke}"/>'
