"""A spec resolved once, at submit: every axis with its kind, every distinct shape with its size and width.

Dispatch, the API and the CLI read the plan only; nobody builds a model to find out what a trial is. A space
of any size is held by index: a shape's points are numbered, and a number is turned into values when asked.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping
from functools import cached_property
from itertools import accumulate
from math import prod
from typing import Any

from pydantic import BaseModel, ConfigDict

from services.domain import search
from services.domain.config import Config, overlay
from services.domain.plan import draws, packing
from services.domain.plan.point_label import PointLabels
from services.domain.plan.ties import Assignment, Pick, Ties
from services.domain.plan.trial_seed import trial_seed
from services.domain.spec.objective import MetricFacts

DIGITS = 6  # of a number drawn from a range: enough to tell trials apart, few enough to read


class Axis(BaseModel):
    """One swept hyperparameter: its path, its values or its range, and whether it is a row's own.

    `values` are complete, `written` are the same as the user wrote them; both are None for a range, which
    has `low`, `high`, a `step` if its values are counted (a factor where `log`), and `whole` for integers.
    """

    model_config = ConfigDict(frozen=True)

    name: str  # as the user wrote it: the path or its end
    path: str
    row: bool
    values: list[Any] | None
    written: list[Any] | None = None
    low: float | None = None
    high: float | None = None
    step: float | None = None
    log: bool = False
    whole: bool = False

    @property
    def size(self) -> int | None:
        """How many values it has; None for a range without steps."""
        if self.values is not None:
            return len(self.values)
        low, high = self._ends
        return None if self.step is None else steps(low, high, self.step, self.log)

    def value(self, pick: Pick) -> Any:
        """The completed value of a pick."""
        if self.values is not None:
            return self.values[int(pick)]
        return self._counted(int(pick)) if self.step is not None else pick

    def given(self, pick: Pick) -> Any:
        """The value of a pick as the user wrote it."""
        return self.value(pick) if self.written is None else self.written[int(pick)]

    def number(self, share: float) -> float:
        """The number at this share of a range without steps, to six significant digits."""
        low, high = self._ends
        if self.log:
            exact = math.exp(math.log(low) + share * (math.log(high) - math.log(low)))
        else:
            exact = low + share * (high - low)
        return min(max(float(f"{exact:.{DIGITS}g}"), low), high)

    @property
    def _ends(self) -> tuple[float, float]:
        assert self.low is not None
        assert self.high is not None
        return self.low, self.high

    def _counted(self, index: int) -> float | int:
        low, _ = self._ends
        assert self.step is not None
        exact = low * self.step**index if self.log else low + self.step * index
        return round(exact) if self.whole else float(f"{exact:.12g}")


def steps(low: float, high: float, step: float, log: bool) -> int:
    """How many values a range with steps has; rounding does not cost it its last one."""
    span = math.log(high / low) / math.log(step) if log else (high - low) / step
    return math.floor(span + 1e-9) + 1


class Group(BaseModel):
    """Axes whose picks depend on one another, and the picks they may have together, None where one has none.

    `picks` is None for an axis that depends on no other: it may have all of its own.
    """

    model_config = ConfigDict(frozen=True)

    paths: list[str]
    picks: list[list[int | None]] | None = None


class Shape(BaseModel):
    """One architecture of the sweep; its trials can share arrays of `width` rows.

    `mixed`: the rows of one array may be of different replicates, so each has batches of its own. `metrics`
    are measured besides the loss: the data's default first, then those that are asked for.
    """

    model_config = ConfigDict(frozen=True)

    key: str
    picks: dict[str, Pick]  # of the axes that belong to the shape
    points: int
    parameters: int
    flops: int
    bytes_per_row: int
    width: int
    mixed: bool
    epochs: int
    metrics: list[MetricFacts] = []


class Pin(BaseModel):
    """The one trial of a sweep that repeats another sweep's: everything that its numbers depend on."""

    model_config = ConfigDict(frozen=True)

    trial: str
    name: str  # of the sweep that it repeats a trial of
    replicate: int
    seed: int
    row: int


class Plan(BaseModel):
    """All that later steps need. Trials are numbered shape by shape, so neighbours fuse.

    Within a shape a mixed one counts replicates first, else points first: then an array's rows share batches.
    """

    model_config = ConfigDict(frozen=True)

    base: Config
    axes: list[Axis]
    ties: Ties = Ties()
    groups: list[Group] = []
    search: str = "grid"
    drawn: bool = False  # points are drawn by hash, because some range has no steps
    seed: int = 0
    seeds: int = 1
    shapes: list[Shape]
    pin: Pin | None = None

    @property
    def points(self) -> int:
        """How many points of the space the sweep visits."""
        return self._ends[-1]

    @property
    def trials(self) -> int:
        """How many trials the sweep runs: each point with every seed."""
        return self.points * self.seeds

    def point_of(self, number: int) -> int:
        """The point of a trial, by the trial's number."""
        return self._place(number)[1]

    def replicate_of(self, number: int) -> int:
        """Which of its point's seeds a trial has."""
        return self.pin.replicate if self.pin else self._place(number)[2]

    def seed_of(self, number: int) -> int:
        """The seed of a trial's weights and masks."""
        if self.pin:
            return self.pin.seed
        _, point, replicate = self._place(number)
        return trial_seed(self.seed, point, replicate)

    def row_of(self, number: int) -> int:
        """The row that a trial takes in whichever pack it trains."""
        if self.pin:
            return self.pin.row
        shape = self.shapes[self._place(number)[0]]
        return packing.row(self._position(number), shape.width)

    def run_of(self, number: int) -> int:
        """How many trials from this one on may share arrays: to the end of its shape, or of its replicate."""
        shape = self.shapes[self._place(number)[0]]
        together = shape.points * self.seeds if shape.mixed else shape.points
        return together - self._position(number)

    def shape_of(self, point: int) -> int:
        """Index into `shapes`."""
        return bisect_right(self._ends, point) if point < self.points else self._missing(point)

    def values(self, point: int) -> dict[str, Any]:
        """The value of each axis at a point; an axis whose condition does not hold there is missing."""
        index = self.shape_of(point)
        shape, position = self.shapes[index], point - (self._ends[index] - self.shapes[index].points)
        picks = {**shape.picks, **self._row_picks(index, position)}
        return {axis.path: axis.value(picks[axis.path]) for axis in self.axes if axis.path in picks}

    def config(self, point: int) -> Config:
        """The complete config of a point."""
        return overlay(self.base, self.values(point))

    def shape_config(self, index: int) -> Config:
        """The config of a shape, its rows' own axes at their first values."""
        return overlay(self.base, self.shape_values(index))

    def shape_values(self, index: int) -> dict[str, Any]:
        """The values of the axes that make a shape what it is."""
        picks = self.shapes[index].picks
        return {axis.path: axis.value(picks[axis.path]) for axis in self.axes if axis.path in picks}

    @property
    def metrics(self) -> list[MetricFacts]:
        """Every metric that some of its trials measure, besides the loss."""
        return list({metric.name: metric for shape in self.shapes for metric in shape.metrics}.values())

    @cached_property
    def labels(self) -> PointLabels:
        """How the points are shown."""
        return PointLabels(self.axes)

    # ---- trials by number

    @cached_property
    def _ends(self) -> list[int]:
        return list(accumulate(shape.points for shape in self.shapes))

    def _missing(self, point: int) -> int:
        raise IndexError(f"the sweep has points 0 … {self.points - 1}, got {point}")

    def _place(self, number: int) -> tuple[int, int, int]:
        """Shape, point and replicate of a trial."""
        index = self.shape_of(number // self.seeds)
        shape = self.shapes[index]
        first = self._ends[index] - shape.points
        local = number - first * self.seeds
        if shape.mixed:
            return index, first + local // self.seeds, local % self.seeds
        return index, first + local % shape.points, local // shape.points

    def _position(self, number: int) -> int:
        """How many trials that may share an array with this one have a smaller number."""
        index, point, _ = self._place(number)
        shape = self.shapes[index]
        first = self._ends[index] - shape.points
        return number - first * self.seeds if shape.mixed else point - first

    # ---- points by position

    def _row_picks(self, shape: int, position: int) -> Assignment:
        """The picks of the rows' own axes."""
        if self.drawn:
            fixed = {axis.path: self.shapes[shape].picks.get(axis.path) for axis in self.axes if not axis.row}
            return draws.draw(self.axes, self.ties, (self.seed, "row", shape, position), fixed)
        parts = self._row_parts[shape]
        index = search.get(self.search).index(position, prod(map(len, parts)), self.seed, shape)
        picks: Assignment = {}
        for part in reversed(parts):
            index, digit = divmod(index, len(part))
            picks |= part[digit]
        return picks

    @cached_property
    def _row_parts(self) -> list[list[Choices]]:
        """For each shape and each group with rows' own axes: what these may pick together."""
        parts = row_parts(self.axes, self.groups)
        return [[part.beside(shape.picks) for part in parts] for shape in self.shapes]


class Choices:
    """Combinations of picks, made when they are asked for: a single axis may have a million values."""

    def __init__(self, paths: list[str], picks: list[tuple[int | None, ...]] | None, size: int) -> None:
        self._paths, self._picks, self._size = paths, picks, size

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, index: int) -> Assignment:
        combination = (index,) if self._picks is None else self._picks[index]
        return {path: pick for path, pick in zip(self._paths, combination, strict=True) if pick is not None}


class RowPart:
    """What the rows' own axes of one group may pick together, found by the picks of a shape."""

    def __init__(self, group: Group, axes: Mapping[str, Axis]) -> None:
        own = [place for place, path in enumerate(group.paths) if axes[path].row]
        others = [place for place in range(len(group.paths)) if place not in own]
        self._paths = [group.paths[place] for place in own]
        self._others = [group.paths[place] for place in others]
        self._size = axes[self._paths[0]].size or 0
        self._found: dict[tuple[Pick | None, ...], list[tuple[int | None, ...]]] | None = None
        if group.picks is not None:
            self._found = {}
            for combination in group.picks:
                beside = tuple(combination[place] for place in others)
                self._found.setdefault(beside, []).append(tuple(combination[place] for place in own))

    def beside(self, shape: Assignment) -> Choices:
        """What they may pick with these picks of the shape."""
        if self._found is None:
            return Choices(self._paths, None, self._size)
        picks = self._found.get(tuple(shape.get(path) for path in self._others), [])
        return Choices(self._paths, picks, len(picks))


def row_parts(axes: list[Axis], groups: list[Group]) -> list[RowPart]:
    """The parts of a space that differ within a shape, one for each group with rows' own axes."""
    by_path = {axis.path: axis for axis in axes}
    return [RowPart(group, by_path) for group in groups if any(by_path[path].row for path in group.paths)]
