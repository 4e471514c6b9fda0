"""The curves of a sweep's best trials in one figure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from services.tracking.figures import canvas


def best_curves(metric: str, curves: Mapping[str, Sequence[tuple[int, float]]]) -> str:
    """Draw one line per trial, best first, as SVG; values that are not finite leave gaps."""
    figure = canvas.figure(8.5, 3.6)
    axes = figure.add_subplot()
    for name, curve in curves.items():
        values = [value if math.isfinite(value) else math.nan for _, value in curve]
        axes.plot([epoch for epoch, _ in curve], values, marker=".", label=name)
    axes.set_xlabel("epoch")
    axes.set_ylabel(metric)
    axes.grid(alpha=0.3)
    figure.legend(fontsize="small", loc="outside right upper", frameon=False)
    return canvas.svg(figure)
