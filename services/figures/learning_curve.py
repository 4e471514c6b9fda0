"""A trial's learning curve: its loss and its metrics over epochs."""

from __future__ import annotations

import math
from collections.abc import Sequence

from services.domain.json_numbers import Metrics
from services.domain.spec.objective import LOSS, MetricFacts, MetricKey
from services.figures import chart, svg
from services.figures.chart import Area

WIDTH, HEIGHT = 330, 250  # of a panel, in px
TOP = 40  # px, of the title and the legend
PARTS = ("train", "val", "test")


def learning_curve(title: str, curve: Sequence[tuple[int, Metrics]], metrics: Sequence[MetricFacts]) -> str:
    """Draw the loss and each metric of each set of images; values that are not finite leave gaps.

    Metrics of single classes have no panels: they would be as many as there are classes.
    """
    shown = [LOSS, *(metric for metric in metrics if not metric.entry)]
    drawn = svg.heading(14, [title])
    for place, metric in enumerate(shown):
        panel = Area(WIDTH * place, TOP, WIDTH, HEIGHT)
        curves = {
            part: [
                (epoch, numbers.get(str(MetricKey(part, metric.name)), math.nan)) for epoch, numbers in curve
            ]
            for part in PARTS
        }
        label = metric.label[:1].upper() + metric.label[1:]
        drawn += chart.lines(panel, curves, label)
    measured = {MetricKey.parse(name).part for _, numbers in curve for name in numbers}
    for place, part in enumerate(PARTS):
        if part in measured:
            drawn += [
                svg.path(f"M{chart.LEFT + 70 * place} 30h16", stroke=chart.colour(place), width=2),
                svg.text(chart.LEFT + 70 * place + 22, 34, part),
            ]
    return svg.document(WIDTH * len(shown), TOP + HEIGHT, title, drawn)
