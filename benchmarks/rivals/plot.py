"""The plot docs/img/bench.svg: how many times as long as the service each side takes, warm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from benchmarks.rivals.table import OURS, Cell, Record, cells, ratio

WIDTH, LEFT, ROW, GAP, TOP = 760, 220, 22, 34, 40  # pixels
OURS_COLOR, RIVALS_COLOR, TEXT_COLOR = "#0b6e4f", "#9aa5b1", "#1f2933"


def svg(records: Sequence[Record], titles: Mapping[str, str]) -> str:
    """Return the plot: a group of bars for each task, one bar for each side; the longest fill the width."""
    found = {task: of for task, of in cells(records, "warm").items() if OURS in of}
    longest = max((ratio(of, side) or 0 for of in found.values() for side in of), default=1.0)
    scale = (WIDTH - LEFT - 130) / longest
    parts, y = [text(10, 20, "Wall seconds as a multiple of the service's (warm, medians)", bold=True)], TOP
    for task, of in found.items():
        parts.append(text(10, y + 12, task, bold=True))
        y += ROW
        for side in [side for side in titles if side in of]:
            parts += bar(y, titles[side], side == OURS, of[side], ratio(of, side) or 0.0, scale)
            y += ROW
        y += GAP - ROW
    style = f'font-family="sans-serif" font-size="12" fill="{TEXT_COLOR}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" {style}>'
    return "\n".join([head, f'<rect width="{WIDTH}" height="{y}" fill="#ffffff"/>', *parts, "</svg>"]) + "\n"


def bar(y: int, title: str, ours: bool, cell: Cell, times: float, scale: float) -> list[str]:
    """Return a bar with its title and its numbers."""
    width, color = times * scale, OURS_COLOR if ours else RIVALS_COLOR
    return [
        text(20, y + 12, title),
        f'<rect x="{LEFT}" y="{y}" width="{width:.1f}" height="{ROW - 6}" fill="{color}"/>',
        text(int(LEFT + width + 6), y + 12, f"{times:.2f}× ({cell.wall:.1f} s)"),
    ]


def text(x: int, y: int, content: str, bold: bool = False) -> str:
    """Return a line of text."""
    weight = ' font-weight="bold"' if bold else ""
    return f'<text x="{x}" y="{y}"{weight}>{escape(content)}</text>'
