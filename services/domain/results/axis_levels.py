"""The levels of an axis: the groups of its values whose points are compared with one another."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.domain.plan.axis import Axis, ListedAxis
from services.domain.plan.point_label import PointLabels
from services.domain.plan.value_text import value_text

BINS = 4  # of an axis with many numbers: quarters of the points
MIN_BIN_POINTS = 3  # or there are fewer bins
MAX_NUMBERS = 8  # different numbers of a range with steps that are a level each; more are cut into bins
MAX_LISTED = 12  # values of a list that are a level each; of more, numbers are cut into bins
BIN_DIGITS = 3  # significant digits of the ends of a bin
NO_VALUE = "none"  # the text of an axis that has no value at a point, because its condition does not hold


@dataclass(frozen=True)
class AxisLevels:
    """An axis's levels, each as text, in the order of the axis.

    `at` has the level of each point, by index; None where the axis has no value at the point. `binned`: the
    levels are bins, each holding about as many points as any other.
    """

    path: str
    name: str
    texts: Sequence[str]
    at: Sequence[int | None]
    binned: bool = False

    @property
    def counts(self) -> list[int]:
        """How many points are at each level."""
        counted = Counter(self.at)
        return [counted[index] for index in range(len(self.texts))]

    @property
    def no_value(self) -> str:
        """What stands for no value: NO_VALUE, or longer where a level has this text, as a listed null has."""
        return NO_VALUE if NO_VALUE not in self.texts else f"{NO_VALUE} (inactive)"


def all_levels(
    axes: Sequence[Axis], labels: PointLabels, points: Sequence[Mapping[str, Any]]
) -> list[AxisLevels]:
    """The levels of every axis that varies, from the values of the points by path of their axes."""
    cells = [labels.cells(values) for values in points]
    by_path = {axis.path: axis for axis in axes}
    names = [(cell.path, cell.name) for cell in labels.cells({})]
    return [
        _levels(by_path[path], name, points, [row[place].text for row in cells])
        for place, (path, name) in enumerate(names)
    ]


def number_of(value: Any) -> float | None:
    """A value as a number; None if it is none, as a truth value is."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _levels(
    axis: Axis, name: str, points: Sequence[Mapping[str, Any]], texts: Sequence[str | None]
) -> AxisLevels:
    """The levels of one axis; `texts` has its value at each point as it is shown."""
    numbers = {
        place: number_of(values[axis.path]) for place, values in enumerate(points) if axis.path in values
    }
    if None not in numbers.values() and len(set(numbers.values())) > _most(axis):
        found = {place: value for place, value in numbers.items() if value is not None}
        return _bins(axis, name, found, len(points))
    order = _order(axis, points, texts)
    if len(order) > MAX_LISTED:  # the rarest are one level
        counts = Counter(text for text in texts if text is not None)
        kept = {text for text, _ in counts.most_common(MAX_LISTED - 1)}
        rest = f"{len(order) - len(kept)} others"
        order = [*(text for text in order if text in kept), rest]
        texts = [text if text is None or text in kept else rest for text in texts]
    index = {text: place for place, text in enumerate(order)}
    return AxisLevels(axis.path, name, order, [None if text is None else index[text] for text in texts])


def _most(axis: Axis) -> int:
    """How many different numbers are a level each; those drawn from a range without steps never are."""
    if isinstance(axis, ListedAxis):
        return MAX_LISTED
    return 1 if axis.step is None else MAX_NUMBERS


def _order(axis: Axis, points: Sequence[Mapping[str, Any]], texts: Sequence[str | None]) -> list[str]:
    """The texts that occur: numbers of a range by size, listed values in the order of their list."""
    first: dict[str, Any] = {}
    for values, text in zip(points, texts, strict=True):
        if text is not None:
            first.setdefault(text, values[axis.path])
    if axis.values is None:
        return sorted(first, key=first.__getitem__)
    return sorted(first, key=lambda text: axis.values.index(first[text]))


def _bins(axis: Axis, name: str, numbers: Mapping[int, float], points: int) -> AxisLevels:
    """Bins that hold about as many points each; equal numbers are never parted.

    There are BINS of them, or fewer where they would hold less than MIN_BIN_POINTS each. The k-th of the cuts
    between b bins is the number at place ⌊k n / b⌋ of the n sorted numbers, and belongs to the bin above it.
    A bin is shown by the smallest and the largest number in it.
    """
    ordered = sorted(numbers.values())
    bins = min(BINS, max(1, len(ordered) // MIN_BIN_POINTS))
    cuts = sorted({ordered[k * len(ordered) // bins] for k in range(1, bins)} - {ordered[0]})
    at = {place: bisect_right(cuts, value) for place, value in numbers.items()}
    ends = [
        [value for value in ordered if bisect_right(cuts, value) == index] for index in range(len(cuts) + 1)
    ]
    shown = [_range_text(within[0], within[-1]) for within in ends]
    return AxisLevels(axis.path, name, shown, [at.get(place) for place in range(points)], binned=True)


def _range_text(low: float, high: float) -> str:
    first, last = (value_text(float(f"{value:.{BIN_DIGITS}g}")) for value in (low, high))
    return first if low == high else f"{first} … {last}"
