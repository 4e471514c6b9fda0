"""The effects of values with their intervals, axis by axis."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from services.domain.results.effects import AxisEffects, Effects
from services.figures import chart, colours, svg

MAX_AXES = 12  # drawn, the most important ones
MAX_NAME_CHARS = 30  # of a value beside its whisker
NAMES, PLOT, VALUES = 230, 430, 150  # px: texts, whiskers, effects as text
ROW, HEAD, TOP, AIR = 20, 30, 60, 14  # px
TICKS_BELOW = 40  # px
LINE = colours.LINES[0]


def effects_chart(lines: Sequence[str], effects: Effects, metric: str) -> str:
    """Draw a dot for each effect and a whisker for its 95 % interval, on one scale for all axes.

    Axes stand in the order of their importance where there is one, else in their own.
    """
    axes = sorted(effects.axes, key=lambda axis: -axis.importance.share if axis.importance else 0.0)[
        :MAX_AXES
    ]
    ends = [
        end
        for axis in axes
        for level in axis.levels
        for end in (level.effect, level.low, level.high)
        if end is not None
    ]
    scale = chart.ticks(min([*ends, 0.0]), max([*ends, 0.0]))
    more = len(effects.axes) - len(axes)
    shown = [*lines, f"the {MAX_AXES} most important axes; {more} others are not drawn"] if more else lines
    top = TOP + 15 * (len(shown) - 2)
    height = sum(HEAD + ROW * (len(axis.levels) + (axis.inactive is not None)) for axis in axes)
    parts = [*svg.heading(AIR, shown), *_grid(scale, top, height, metric)]
    y = float(top)
    for axis in axes:
        parts += _axis(axis, y, scale)
        y += HEAD + ROW * (len(axis.levels) + (axis.inactive is not None))
    return svg.document(NAMES + PLOT + VALUES, top + height + TICKS_BELOW, "\n".join(shown), parts)


def _x(value: float, scale: Sequence[float]) -> float:
    return NAMES + PLOT * (value - scale[0]) / (scale[-1] - scale[0])


def _grid(scale: Sequence[float], top: float, height: float, metric: str) -> Iterator[str]:
    for tick in scale:
        x = svg.number(_x(tick, scale))
        yield svg.path(
            f"M{x} {svg.number(top)}v{svg.number(height)}", stroke=svg.QUIET if tick == 0 else svg.GRID
        )
        text = f"{tick:+.4g}".replace("-", "−") if tick else "0"
        yield svg.text(_x(tick, scale), top + height + 15, text, anchor="middle", fill=svg.QUIET)
    yield svg.text(NAMES + PLOT / 2, top + height + 32, f"effect on {metric}", anchor="middle")


def _axis(axis: AxisEffects, y: float, scale: Sequence[float]) -> Iterator[str]:
    share = axis.importance
    weight = f" · importance {share.share:.0%} ({share.low:.0%} to {share.high:.0%})" if share else ""
    tied = f" · always with {', '.join(axis.together)}" if axis.together else ""
    yield svg.text(AIR, y + 20, svg.shortened(f"{axis.name}{weight}{tied}", 100), bold=True)
    y += HEAD
    for level in axis.levels:
        middle = y + ROW / 2 - 4
        yield svg.text(AIR + 8, middle + 4, svg.shortened(level.text, MAX_NAME_CHARS))
        yield svg.text(NAMES - 12, middle + 4, f"n {level.n}", anchor="end", fill=svg.QUIET)
        if level.effect is not None:
            x, right = _x(level.effect, scale), NAMES + PLOT + 12
            if level.low is not None and level.high is not None:
                low, high = _x(level.low, scale), _x(level.high, scale)
                ends = "".join(f"M{svg.number(end)} {svg.number(middle - 4)}v8" for end in (low, high))
                line = f"M{svg.number(low)} {svg.number(middle)}H{svg.number(high)}"
                yield svg.path(line + ends, stroke=LINE, width=1.5)
            yield svg.dots([(x, middle)], fill=LINE, size=7)
            yield svg.text(right, middle + 4, level.shown or "")
        y += ROW
    if axis.inactive is not None:
        middle = y + ROW / 2
        yield svg.text(AIR + 8, middle, f"{axis.inactive.text}: does not apply", fill=svg.QUIET)
        yield svg.text(NAMES - 12, middle, f"n {axis.inactive.n}", anchor="end", fill=svg.QUIET)
