"""The plot docs/img/search.svg: regret against epochs, a panel for each space, with 95 % whiskers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

from benchmarks.search_study.methods import LIBRARY_METHODS, METHODS, TITLES
from benchmarks.search_study.summary import MAX_EPOCHS_SHARE, Summary

WIDTH, PANEL_HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 980, 360, 60, 560, 40, 50  # pixels
LEGEND_LEFT, LEGEND_ROW, RADIUS = 600, 16, 8
LEAST_SHARE = 0.08  # of the grid's epochs, at the left end of the logarithmic axis
TICKS = (0.1, 0.15, 0.25, 0.5, 1.0)
COLORS = {"grid": "#52606d", "random": "#9aa5b1", "tpe": "#2f6fb5", "stop": "#0b6e4f", "library": "#c4661f"}
TEXT_COLOR, LINE_COLOR = "#1f2933", "#cbd2d9"


def svg(spaces: Mapping[str, Sequence[Summary]], titles: Mapping[str, str]) -> str:
    """Return the plot; methods have the same numbers in all panels."""
    numbers = {name: number for number, name in enumerate(TITLES, 1)}
    parts: list[str] = []
    for index, (space, summaries) in enumerate(spaces.items()):
        parts += _panel(index * PANEL_HEIGHT, titles[space], summaries, numbers)
    parts += _legend(numbers)
    height = max(len(spaces) * PANEL_HEIGHT, TOP + LEGEND_ROW * (len(numbers) + 1))
    style = f'font-family="sans-serif" font-size="12" fill="{TEXT_COLOR}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" {style}>'
    background = f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>'
    return "\n".join([head, background, *parts, "</svg>"]) + "\n"


def color(name: str) -> str:
    """The color of a method: by its library, its rule of early stopping, or its search."""
    if name in LIBRARY_METHODS:
        return COLORS["library"]
    method = METHODS[name]
    return COLORS["stop" if method.stop and method.search == "grid" else method.search]


def _panel(top: int, title: str, summaries: Sequence[Summary], numbers: Mapping[str, int]) -> list[str]:
    low, high = top + PANEL_HEIGHT - BOTTOM, top + TOP
    most = max((each.regret.high for each in summaries), default=0.0) * 1.05 or 1.0

    def x(share: float) -> float:
        return LEFT + (RIGHT - LEFT) * math.log(max(share, LEAST_SHARE) / LEAST_SHARE) / -math.log(
            LEAST_SHARE
        )

    def y(regret: float) -> float:
        return low - (low - high) * max(0.0, regret) / most

    parts = [_text(LEFT, top + 20, f"Regret (points of 100), {title}", bold=True)]
    for share in TICKS:
        strong = share == MAX_EPOCHS_SHARE
        parts.append(
            _line(x(share), high, x(share), low, TEXT_COLOR if strong else LINE_COLOR, dashed=strong)
        )
        parts.append(_text(x(share) - 10, low + 16, f"{100 * share:.0f} %"))
    step = _step(100 * most)
    for tick in range(int(100 * most / step) + 1):
        parts.append(_line(LEFT, y(tick * step / 100), RIGHT, y(tick * step / 100), LINE_COLOR))
        parts.append(_text(LEFT - 34, y(tick * step / 100) + 4, f"{tick * step:g}"))
    parts.append(_text(LEFT, low + 36, "epochs, as a share of the grid's with one seed (logarithmic)"))
    for each in summaries:
        at, ink = x(each.epochs), color(each.name)
        parts.append(_line(at, y(each.regret.low), at, y(each.regret.high), ink, width=1.5))
    for each in summaries:
        at, ink = x(each.epochs), color(each.name)
        middle = y(each.regret.mean)
        parts.append(f'<circle cx="{at:.1f}" cy="{middle:.1f}" r="{RADIUS}" fill="{ink}"/>')
        number = f'<text x="{at:.1f}" y="{middle + 3:.1f}" font-size="9" text-anchor="middle" fill="#ffffff">'
        parts.append(f"{number}{numbers[each.name]}</text>")
    return parts


def _legend(numbers: Mapping[str, int]) -> list[str]:
    parts = []
    for name, number in numbers.items():
        y = TOP + LEGEND_ROW * number
        parts.append(f'<circle cx="{LEGEND_LEFT}" cy="{y - 4}" r="5" fill="{color(name)}"/>')
        parts.append(_text(LEGEND_LEFT + 12, y, f"{number}  {TITLES[name]}"))
    return parts


def _step(most: float) -> float:
    """A round distance between ticks, so that there are three to eight of them."""
    size = 10.0 ** math.floor(math.log10(most))
    return next(part * size for part in (0.2, 0.5, 1.0, 2.0) if most / (part * size) <= 8)


def _line(
    x1: float, y1: float, x2: float, y2: float, ink: str, width: float = 1.0, dashed: bool = False
) -> str:
    dashes = ' stroke-dasharray="4 3"' if dashed else ""
    ends = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return f'<line {ends} stroke="{ink}" stroke-width="{width:g}"{dashes}/>'


def _text(x: float, y: float, content: str, bold: bool = False) -> str:
    weight = ' font-weight="bold"' if bold else ""
    return f'<text x="{x:.1f}" y="{y:.1f}"{weight}>{escape(content)}</text>'
