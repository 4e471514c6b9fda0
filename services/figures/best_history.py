"""How the best result of a sweep has grown: over the trials that have ended, and over their epochs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import accumulate

from services.figures import chart, colours, svg
from services.figures.chart import Area
from services.figures.value_span import value_span

WIDTH, HEIGHT, TOP = 440, 280, 44  # px
EDGE = 12  # px beside the last tick
FEW = 200  # trials; the dots of more are smaller and fainter
MAX_DOTS = 1000  # of a panel; of more trials every n-th has one
LINE, DOT = colours.LINES[0], "#8a8a94"


def best_history(
    lines: Sequence[str],
    ended: Sequence[tuple[int, float | None]],
    *,
    metric: str,
    larger_is_better: bool,
) -> str:
    """Draw the best value so far as a line and each trial's value as a dot.

    `ended` has the epochs and the value of each trial, in the order in which the trials have ended; one
    without a value counts on the axes and has no dot. Values far from the others have none either. Of more
    than MAX_DOTS trials, every `each_dot`-th has a dot; the line is that of all.
    """
    values = [value for _, value in ended if value is not None]
    best = list(_best_so_far([value for _, value in ended], larger_is_better))
    span = value_span(values, larger_is_better=larger_is_better)
    scale = chart.ticks(*span)
    epochs = list(accumulate(count for count, _ in ended))
    places = range(0, len(ended), each_dot(len(ended)))
    ends = {0, len(ended) - 1}
    steps = [place for place in range(len(ended)) if place in ends or best[place] != best[place - 1]]
    parts = svg.heading(14, lines)
    for panel, (label, at) in enumerate(
        (("trials ended", range(1, len(ended) + 1)), ("epochs trained", epochs))
    ):
        area = Area(WIDTH * panel, TOP, WIDTH, HEIGHT)
        dots = [(at[place], value) for place in places if (value := ended[place][1]) is not None]
        line = [(at[place], value) for place in steps if (value := best[place]) is not None]
        parts += _panel(area, at[-1], dots, line, scale, label, metric)
    return svg.document(2 * WIDTH + EDGE, TOP + HEIGHT, "\n".join(lines), parts)


def each_dot(trials: int) -> int:
    """Of how many trials one has a dot."""
    return max(1, math.ceil(trials / MAX_DOTS))


def _best_so_far(values: Sequence[float | None], larger_is_better: bool) -> Iterator[float | None]:
    best: float | None = None
    for value in values:
        if value is not None and (best is None or (value > best) is larger_is_better):
            best = value
        yield best


def _panel(
    area: Area,
    last: int,
    values: Sequence[tuple[int, float]],
    best: Sequence[tuple[int, float]],
    scale: Sequence[float],
    label: str,
    metric: str,
) -> Iterator[str]:
    """One panel: dots and the corners of the line, each by its place on the axis, which ends at the last."""
    left, right = area.x + chart.LEFT, area.x + area.width - chart.RIGHT
    top, bottom = area.y + chart.TOP, area.y + area.height - chart.BOTTOM
    last = max(1, last)

    def x(count: float) -> float:
        return left + (right - left) * count / last

    def y(value: float) -> float:
        return bottom - (bottom - top) * (value - scale[0]) / (scale[-1] - scale[0])

    for tick in scale:
        yield svg.path(f"M{svg.number(left)} {svg.number(y(tick))}H{svg.number(right)}", stroke=svg.GRID)
        yield svg.text(left - 6, y(tick) + 4, f"{tick:.6g}", anchor="end", fill=svg.QUIET)
    for count in chart.ticks(0, last):
        if count <= last and count == int(count):
            yield svg.text(x(count), bottom + 16, f"{count:,.0f}", anchor="middle", fill=svg.QUIET)
    yield svg.text((left + right) / 2, bottom + 31, label, anchor="middle")
    yield svg.text(area.x + 12, (top + bottom) / 2, metric, anchor="middle", turn=-90)
    within = [(x(count), y(value)) for count, value in values if scale[0] <= value <= scale[-1]]
    few = len(values) < FEW
    yield svg.dots(within, fill=DOT, size=5 if few else 3, opacity=0.8 if few else 0.4)
    line = ""
    for count, value in best:
        height, width = svg.number(min(bottom, max(top, y(value)))), svg.number(x(count))
        line += f"H{width}V{height}" if line else f"M{width} {height}"
    yield svg.path(line, stroke=LINE, width=2)
