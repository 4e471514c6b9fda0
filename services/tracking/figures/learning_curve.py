"""A trial's learning curve: its loss and its metric over epochs."""

from __future__ import annotations

import math
from collections.abc import Sequence

from services.domain.json_numbers import Metrics
from services.tracking.figures import canvas

AXIS_LABELS = {"loss": "Loss", "acc": "Accuracy", "mae": "Mean absolute error"}


def learning_curve(title: str, curve: Sequence[tuple[int, Metrics]]) -> bytes:
    """Draw the loss and the metric of each set of images, as PNG; values that are not finite leave gaps."""
    figure = canvas.figure(7, 3, title)
    epochs = [epoch for epoch, _ in curve]
    there = {name.rpartition("/")[2] for _, metrics in curve for name in metrics}
    shown = ["loss", "mae" if "mae" in there else "acc"]
    for place, ending in enumerate(shown, 1):
        axes = figure.add_subplot(1, len(shown), place)
        for part in ("train", "val", "test"):
            values = [metrics.get(f"{part}/{ending}", math.nan) for _, metrics in curve]
            finite = [value if math.isfinite(value) else math.nan for value in values]
            if not all(math.isnan(value) for value in finite):
                axes.plot(epochs, finite, marker=".", label=part)
        axes.set_xlabel("epoch")
        axes.set_ylabel(AXIS_LABELS[ending])
        if axes.lines:
            axes.legend(fontsize="small")
    return canvas.png(figure)
