"""A trial's learning curve: its loss and its metrics over epochs."""

from __future__ import annotations

import math
from collections.abc import Sequence

from services.domain.json_numbers import Metrics
from services.domain.spec.objective import LOSS, MetricFacts, MetricKey
from services.tracking.figures import canvas

WIDTH, HEIGHT = 3.5, 3  # of a panel, in inches


def learning_curve(title: str, curve: Sequence[tuple[int, Metrics]], metrics: Sequence[MetricFacts]) -> bytes:
    """Draw the loss and each metric of each set of images, as PNG; values that are not finite leave gaps."""
    shown = [LOSS, *metrics]
    figure = canvas.figure(WIDTH * len(shown), HEIGHT, title)
    epochs = [epoch for epoch, _ in curve]
    for place, metric in enumerate(shown, 1):
        axes = figure.add_subplot(1, len(shown), place)
        for part in ("train", "val", "test"):
            key = str(MetricKey(part, metric.name))
            values = [numbers.get(key, math.nan) for _, numbers in curve]
            finite = [value if math.isfinite(value) else math.nan for value in values]
            if not all(math.isnan(value) for value in finite):
                axes.plot(epochs, finite, marker=".", label=part)
        axes.set_xlabel("epoch")
        axes.set_ylabel(metric.label[:1].upper() + metric.label[1:])
        if axes.lines:
            axes.legend(fontsize="small")
    return canvas.png(figure)
