"""Points as lines through their values on all axes, to their result: parallel coordinates."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from services.domain.results.axis_levels import NO_VALUE
from services.figures import chart, colours, svg
from services.figures.axis_places import MAX_TICKS, AxisPlaces, thinned
from services.figures.value_span import value_span

MAX_AXES = 10  # drawn, besides the result
MAX_NAME_CHARS, MAX_TICK_CHARS = 17, 14  # of an axis above it, of a value beside it
STEP, HEIGHT = 118, 300  # px between two axes, and of an axis
TOP, AIR = 100, 30  # px
BELOW, NONE = 34, 28  # px: from an axis's end to the place of no value, and of that place
TOP_SHARE, MIN_TOP, MAX_TOP = 0.1, 3, 20  # of the points are drawn stronger
MAX_OTHERS = 500  # lines besides these; of more points they are chosen evenly by rank
BAND = 0.5  # of a category's part of the axis: lines through it are spread over so much, by their rank
BEST, GOOD, OTHERS = colours.LINES[1], colours.LINES[0], "#8a8a94"


def parallel_coordinates(
    lines: Sequence[str],
    axes: Sequence[AxisPlaces],
    results: Sequence[float],
    *,
    metric: str,
    larger_is_better: bool,
) -> str:
    """Draw a line for each point: the worst first and faint, the best tenth on top, the best one last.

    On an axis of categories lines are spread around each of them, the best uppermost, so that it can be seen
    how many go through it. A point without a value on an axis passes below it. Up to MAX_AXES axes. Of many
    points only MAX_OTHERS of the worse ones have a line, every n-th by rank, the worst among them.
    """
    drawn = axes[:MAX_AXES]
    order = sorted(range(len(results)), key=results.__getitem__, reverse=larger_is_better)
    rank = {point: place / max(1, len(order) - 1) for place, point in enumerate(order)}
    low, high = value_span(results, larger_is_better=larger_is_better)
    scale = chart.ticks(low, high)
    top = min(MAX_TOP, max(MIN_TOP, math.ceil(TOP_SHARE * len(order))))
    good, others = order[1:top], order[top:]
    rest = _evenly(others, MAX_OTHERS)
    paths = {
        point: "".join(_points(drawn, point, rank[point], results[point], scale))
        for point in (*order[:top], *rest)
    }
    faint = min(0.7, max(0.08, 25 / max(1, len(rest))))
    shown = [*lines, _explanation(len(good), len(rest), len(others), len(axes) - len(drawn))]
    parts = svg.heading(14, shown)
    parts += [svg.path(paths[point], stroke=OTHERS, width=0.8, opacity=faint) for point in reversed(rest)]
    parts += [svg.path(paths[point], stroke=GOOD, width=1.3, opacity=0.8) for point in reversed(good)]
    parts.append(svg.path(paths[order[0]], stroke=BEST, width=2.5))
    for place, axis in enumerate(drawn):
        parts += _axis(AIR + 30 + STEP * place, axis)
    parts += _result_axis(AIR + 30 + STEP * len(drawn), scale, metric)
    width = max(AIR + 30 + STEP * len(drawn) + 90, 28 + 6.2 * max(map(len, shown)))
    below = NONE if any(axis.inactive for axis in drawn) else 0
    return svg.document(width, TOP + HEIGHT + BELOW + below, "\n".join(shown), parts)


def _evenly(points: Sequence[int], most: int) -> list[int]:
    """At most so many of the points, the last one and others at equal distances before it."""
    return list(points[:: -max(1, math.ceil(len(points) / most))])[::-1]


def _explanation(good: int, rest: int, others: int, more: int) -> str:
    parts = ["thick orange: the best point"]
    if good:
        parts.append(f"blue: the next {good}")
    if rest:
        chosen = f"{rest:,} of {others:,} others, evenly by rank" if rest < others else f"{rest:,} others"
        parts.append(f"grey: {chosen}")
    if more:
        parts.append(f"{more} axes are not drawn")
    return "; ".join(parts)


def _points(
    axes: Sequence[AxisPlaces], point: int, rank: float, result: float, scale: Sequence[float]
) -> Iterator[str]:
    """The places of a line, from left to right."""
    for column, axis in enumerate(axes):
        x, place = AIR + 30 + STEP * column, axis.at[point]
        if place is None:
            y = float(TOP + HEIGHT + BELOW - 8)
        elif axis.categories is None:
            y = TOP + HEIGHT * (1 - place)
        else:
            y = TOP + HEIGHT * (place + BAND * (rank - 0.5) / axis.categories)
        yield f"{'L' if column else 'M'}{svg.number(x)} {svg.number(y)}"
    share = min(1.0, max(0.0, (result - scale[0]) / (scale[-1] - scale[0])))
    x = AIR + 30 + STEP * len(axes)
    yield f"{'L' if axes else 'M'}{svg.number(x)} {svg.number(TOP + HEIGHT * (1 - share))}"


def _axis(x: float, axis: AxisPlaces) -> Iterator[str]:
    yield svg.path(f"M{svg.number(x)} {TOP}v{HEIGHT}", stroke=svg.INK)
    yield svg.text(x, TOP - 12, svg.shortened(axis.name, MAX_NAME_CHARS), anchor="middle", bold=True)
    for place, text in thinned(axis.ticks, MAX_TICKS):
        y = TOP + HEIGHT * (place if axis.categories is not None else 1 - place)
        yield from _tick(x, y, text)
    if axis.inactive:
        yield from _tick(x, TOP + HEIGHT + BELOW - 8, NO_VALUE)


def _result_axis(x: float, scale: Sequence[float], metric: str) -> Iterator[str]:
    yield svg.path(f"M{svg.number(x)} {TOP}v{HEIGHT}", stroke=svg.INK, width=1.5)
    yield svg.text(x, TOP - 12, svg.shortened(metric, MAX_NAME_CHARS), anchor="middle", bold=True)
    for value in scale:
        share = (value - scale[0]) / (scale[-1] - scale[0])
        yield from _tick(x, TOP + HEIGHT * (1 - share), f"{value:.6g}")


def _tick(x: float, y: float, text: str) -> Iterator[str]:
    """A mark and its text, on a ground that hides the lines behind it."""
    shown = svg.shortened(text, MAX_TICK_CHARS)
    yield svg.path(f"M{svg.number(x - 3)} {svg.number(y)}h6", stroke=svg.INK)
    yield svg.text(x + 6, y + 4, shown, halo=True)
