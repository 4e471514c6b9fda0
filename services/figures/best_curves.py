"""The curves of a sweep's best trials in one figure."""

from __future__ import annotations

from collections.abc import Mapping

from services.figures import chart, svg
from services.figures.chart import Area, Curve

WIDTH, HEIGHT, LEGEND = 560, 320, 300  # px
MAX_NAME_CHARS = 44  # of a trial, beside its line


def best_curves(metric: str, curves: Mapping[str, Curve]) -> str:
    """Draw one line per trial, best first; values that are not finite leave gaps."""
    drawn = [
        *chart.lines(Area(0, 0, WIDTH, HEIGHT), curves, metric),
        *chart.legend(WIDTH + 8, 24, list(curves), MAX_NAME_CHARS),
    ]
    return svg.document(WIDTH + LEGEND, HEIGHT, f"{metric} of the best trials", drawn)
