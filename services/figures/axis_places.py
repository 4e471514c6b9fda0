"""Where points lie on an axis that is drawn: lists are categories, ranges have their own scale."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.domain.plan.axis import Axis, RangeAxis
from services.domain.plan.point_label import PointLabels
from services.domain.plan.value_text import value_text
from services.figures import chart

MAX_TICKS = 8  # of an axis; categories beyond are drawn and have no text
LOG_STEPS = (1, 2, 5)  # times powers of ten: the ticks of a log scale with few powers
ROUNDING = 1e-9


@dataclass(frozen=True)
class AxisPlaces:
    """A drawn axis: the place of each point on it, 0 … 1, and ticks with their texts.

    A point without a value on the axis has no place. `categories` is the number of values of a list, each in
    the middle of its part of the axis; None for a range.
    """

    path: str
    name: str
    at: Sequence[float | None]
    ticks: Sequence[tuple[float, str]]
    categories: int | None

    @property
    def inactive(self) -> bool:
        """Whether some point has no value on the axis."""
        return None in self.at


def axis_places(
    axes: Sequence[Axis], labels: PointLabels, points: Sequence[Mapping[str, Any]]
) -> list[AxisPlaces]:
    """Place points, given by the values of their axes, on every axis that varies."""
    by_path = {axis.path: axis for axis in axes}
    cells = [labels.cells(values) for values in points]
    found = []
    for column, cell in enumerate(labels.cells({})):
        axis = by_path[cell.path]
        if isinstance(axis, RangeAxis):
            at = [_share(axis, values[axis.path]) if axis.path in values else None for values in points]
            found.append(AxisPlaces(cell.path, cell.name, at, list(_range_ticks(axis)), None))
        else:
            texts = [row[column].text for row in cells]
            found.append(_listed(axis, cell.name, texts, points))
    return found


def thinned(ticks: Sequence[tuple[float, str]], most: int) -> list[tuple[float, str]]:
    """At most so many of the ticks, at equal distances, the first one among them."""
    return list(ticks[:: max(1, math.ceil(len(ticks) / most))])


def _listed(
    axis: Axis, name: str, texts: Sequence[str | None], points: Sequence[Mapping[str, Any]]
) -> AxisPlaces:
    """A list: the values that occur, in their order, each in the middle of an equal part."""
    first: dict[str, int] = {}
    for values, text in zip(points, texts, strict=True):
        if text is not None and text not in first:
            first[text] = (axis.values or []).index(values[axis.path])
    order = sorted(first, key=first.__getitem__)
    middles = {text: (place + 0.5) / len(order) for place, text in enumerate(order)}
    at = [None if text is None else middles[text] for text in texts]
    return AxisPlaces(axis.path, name, at, [(middles[text], text) for text in order], len(order))


def _share(axis: RangeAxis, value: float) -> float:
    low, high, at = (math.log(each) if axis.log else each for each in (axis.low, axis.high, value))
    return min(1.0, max(0.0, (at - low) / (high - low))) if high > low else 0.5


def _range_ticks(axis: RangeAxis) -> Iterator[tuple[float, str]]:
    """Round numbers within a range, at most MAX_TICKS; its ends where fewer than two of them are within."""
    numbers = _powers(axis) if axis.log else chart.ticks(axis.low, axis.high)
    within = [
        number
        for number in numbers
        if axis.low * (1 - ROUNDING) <= number <= axis.high * (1 + ROUNDING)
        and (not axis.whole or number == int(number))
    ]
    for number in within if len(within) > 1 else [axis.low, axis.high]:
        yield _share(axis, number), value_text(float(f"{number:.3g}"))


def _powers(axis: RangeAxis) -> list[float]:
    """Powers of ten around a range; with 2 and 5 times these where there are few, far apart if many."""
    first, last = math.floor(math.log10(axis.low)), math.ceil(math.log10(axis.high))
    if last - first <= 2:
        return [step * 10.0**power for power in range(first, last + 1) for step in LOG_STEPS]
    return [10.0**power for power in range(first, last + 1, math.ceil((last - first + 1) / MAX_TICKS))]
