"""A spec resolved once, at submit: every axis with its kind, every distinct shape with its size and width.

Dispatch, the API and the CLI read only the plan; nobody builds a model to find out what a trial is.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from itertools import accumulate, pairwise
from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict

from services.domain.config import Config, overlay
from services.domain.plan.axis import Axis
from services.domain.plan.numbering import Numbering
from services.domain.plan.point_label import PointLabels
from services.domain.plan.shape import Shape
from services.domain.plan.space import Space
from services.domain.plan.trial_seed import trial_seed
from services.domain.spec.objective import MetricFacts


class Segment(BaseModel):
    """Where a trial trained up to an epoch: the width of the array, and its row."""

    model_config = ConfigDict(frozen=True)

    until: int
    width: int
    row: int


class Pin(BaseModel):
    """The one trial of a sweep that repeats another sweep's: everything that its numbers depend on."""

    model_config = ConfigDict(frozen=True)

    trial: str
    name: str  # of the sweep that it repeats a trial of
    replicate: int
    seed: int
    segments: list[Segment]
    varied: list[str] = []

    def segment_from(self, epoch: int) -> Segment:
        """The segment that goes on behind an epoch."""
        return next((each for each in self.segments if epoch < each.until), self.segments[-1])


class HasValues(Protocol):
    """A trial as it is stored."""

    @property
    def values(self) -> Mapping[str, Any]:
        """The value of each axis, by path."""


class Plan(BaseModel):
    """All that later steps need: the config, what varies in it, and how trials are numbered and packed."""

    model_config = ConfigDict(frozen=True)

    base: Config  # the config with every axis at its first value
    space: Space
    seeds: int = 1
    shapes: list[Shape]
    pin: Pin | None = None

    @property
    def axes(self) -> list[Axis]:
        """What varies."""
        return self.space.axes

    @property
    def varied(self) -> list[str]:
        """Paths of what trials of one array may differ in; a repeated trial's are those of its own sweep."""
        return self.pin.varied if self.pin else [axis.path for axis in self.axes if axis.row]

    @property
    def points(self) -> int:
        """How many points of the space the sweep visits."""
        return self._numbering.points

    @property
    def trials(self) -> int:
        """How many trials the sweep runs: each point with every seed."""
        return self.points * self.seeds

    # ---- trials by number

    def point_of(self, number: int) -> int:
        """The point of a trial, by the trial's number."""
        return self._numbering.place_of(number).point

    def replicate_of(self, number: int) -> int:
        """Which of its point's seeds a trial has."""
        return self.pin.replicate if self.pin else self._numbering.place_of(number).replicate

    def seed_of(self, number: int) -> int:
        """The seed of a trial's weights and masks."""
        if self.pin:
            return self.pin.seed
        place = self._numbering.place_of(number)
        return trial_seed(self.space.seed, place.point, place.replicate)

    def run_of(self, number: int) -> int:
        """How many trials from this one on may share arrays: to the end of its shape, or of its replicate."""
        place = self._numbering.place_of(number)
        return place.together - place.position

    def config_of(self, trial: HasValues) -> Config:
        """The complete config of a stored trial."""
        return overlay(self.base, trial.values)

    # ---- points by number

    def shape_of(self, point: int) -> int:
        """Index into `shapes`."""
        return self._numbering.shape_of(point)

    def values(self, point: int) -> dict[str, Any]:
        """The value of each axis at a point; an axis whose condition does not hold there is missing."""
        index = self.shape_of(point)
        position = point - self._numbering.first_of(index)
        return self.space.point(index, self.shapes[index].coordinates, position)

    def config(self, point: int) -> Config:
        """The complete config of a point."""
        return overlay(self.base, self.values(point))

    # ---- shapes

    @cached_property
    def numbers_by_shape(self) -> list[range]:
        """The numbers of each shape's trials."""
        ends = [0, *accumulate(shape.points * self.seeds for shape in self.shapes)]
        return [range(*pair) for pair in pairwise(ends)]

    @cached_property
    def precisions(self) -> frozenset[str]:
        """The precisions in which its trials train."""
        return frozenset(shape.precision for shape in self.shapes)

    def shape_config(self, index: int) -> Config:
        """The config of a shape, its row axes at their first values."""
        return overlay(self.base, self.shape_values(index))

    def shape_values(self, index: int) -> dict[str, Any]:
        """The values of the axes that make a shape what it is."""
        return self.space.values(self.shapes[index].coordinates)

    @property
    def metrics(self) -> list[MetricFacts]:
        """Every metric that some of its trials measure, besides the loss."""
        return list({metric.name: metric for shape in self.shapes for metric in shape.metrics}.values())

    @property
    def class_names(self) -> list[list[str]]:
        """The names of the classes, by their numbers: once for all data that have the same ones."""
        found = dict.fromkeys(tuple(shape.class_names) for shape in self.shapes)
        return [list(names) for names in found if names]

    @cached_property
    def labels(self) -> PointLabels:
        """How the points are shown."""
        return PointLabels(self.axes)

    @cached_property
    def _numbering(self) -> Numbering:
        shapes = self.shapes
        return Numbering([shape.points for shape in shapes], [shape.mixed for shape in shapes], self.seeds)
