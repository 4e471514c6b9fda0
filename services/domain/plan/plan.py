"""A spec resolved once, at submit: every axis with its kind, every distinct shape with its size and width.

Dispatch, the API and the CLI read only the plan; nobody builds a model to find out what a trial is.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from itertools import accumulate, groupby, pairwise
from typing import Any, NamedTuple, Protocol

from pydantic import BaseModel, ConfigDict

from services.domain.config import Config
from services.domain.plan.axis import Axis, Coordinates
from services.domain.plan.config_text import ConfigText
from services.domain.plan.numbering import Numbering
from services.domain.plan.point_label import PointLabels
from services.domain.plan.repeats import Repeats
from services.domain.plan.shape import Shape
from services.domain.plan.space import Space
from services.domain.plan.trial_config import trial_config
from services.domain.plan.trial_seed import trial_seed
from services.domain.spec.objective import MetricFacts


class Segment(BaseModel):
    """Where a trial trained up to an epoch: the width of the array, and its row."""

    model_config = ConfigDict(frozen=True)

    until: int
    width: int
    row: int


class Origin(BaseModel):
    """A trial of another sweep, `name`, that this sweep's one trial has its batches and its seed from."""

    model_config = ConfigDict(frozen=True)

    trial: str
    name: str
    replicate: int
    seed: int
    varied: list[str] = []


class Pin(Origin):
    """The trial that is repeated: everything that its numbers depend on."""

    segments: list[Segment]

    def segment_from(self, epoch: int) -> Segment:
        """The segment that goes on behind an epoch."""
        return next((each for each in self.segments if epoch < each.until), self.segments[-1])


class Fork(Origin):
    """The trial whose weights and optimizer's state the sweep's trial begins with.

    `changed` are the values, by path, in which their configs differ.
    """

    changed: dict[str, Any] = {}


class HasValues(Protocol):
    """A trial or a point as it is stored."""

    @property
    def values(self) -> Mapping[str, Any]:
        """The value of each axis, by path."""


class Stretch(NamedTuple):
    """Points of one shape whose numbers follow one another."""

    shape: int
    points: int


class Plan(BaseModel):
    """All that later steps need: the config, what varies in it, and how trials are numbered and packed."""

    model_config = ConfigDict(frozen=True)

    base: Config  # the config with every axis at its first value
    space: Space
    seeds: int = 1
    folds: int = 1  # of the data, on each of which a point is trained
    shapes: list[Shape]
    pin: Pin | None = None
    asked: int | None = None  # how many points, of a search that chooses them by results; None of any other
    code: dict[str, str] = {}  # digests of the code of entries it names, and at "" of all other code
    fork: Fork | None = None

    @property
    def origin(self) -> Origin | None:
        """The trial that the sweep's one trial repeats or was forked from."""
        return self.pin or self.fork

    @property
    def axes(self) -> list[Axis]:
        """What varies."""
        return self.space.axes

    @property
    def varied(self) -> list[str]:
        """Paths of what trials of one array may differ in; those of the sweep that a trial is copied from."""
        return self.origin.varied if self.origin else [axis.path for axis in self.axes if axis.row]

    @property
    def points(self) -> int:
        """How many points of the space the sweep visits."""
        return self._numbering.points

    @property
    def trials(self) -> int:
        """How many trials the sweep runs: each point with every seed on every fold."""
        return self.points * self.replicates

    @property
    def repeats(self) -> Repeats:
        """How often each point is trained."""
        return Repeats(self.seeds, self.folds)

    @property
    def replicates(self) -> int:
        """How many trials a point has."""
        return self.seeds * self.folds

    @property
    def epochs(self) -> int:
        """How many epochs all trials train together if none stops early; of a search by results at most."""
        if self.asked is not None:
            return self.trials * max(shape.epochs for shape in self.shapes)
        return sum(shape.points * shape.epochs for shape in self.shapes) * self.replicates

    # ---- trials by number

    def point_of(self, number: int) -> int:
        """The point of a trial, by the trial's number."""
        return self._numbering.place_of(number).point

    def replicate_of(self, number: int) -> int:
        """Which of its point's replicates a trial is."""
        return self.origin.replicate if self.origin else self._numbering.place_of(number).replicate

    def seed_of(self, number: int) -> int:
        """The seed of a trial's weights and masks."""
        if self.origin:
            return self.origin.seed
        place = self._numbering.place_of(number)
        return trial_seed(self.space.seed, place.point, place.replicate)

    def run_of(self, number: int) -> int:
        """How many trials from this one on may share arrays: to the end of its shape, or of its replicate."""
        place = self._numbering.place_of(number)
        return place.together - place.position

    def config_of(self, trial: HasValues) -> Config:
        """The complete config of a stored trial."""
        return trial_config(self.base, trial.values)

    @cached_property
    def config_text(self) -> ConfigText:
        """The configs of its trials as text, which their identities are made of."""
        return ConfigText(self.base, self.code)

    # ---- points by number

    # Of searches that are fixed at submit, to draw trials; once a trial is drawn, its row has all this.

    def shape_of(self, point: int) -> int:
        """Index into `shapes`."""
        return self._stretches[self._numbering.stretch_of(point)].shape

    def values(self, point: int) -> dict[str, Any]:
        """The value of each axis at a point; an axis whose condition does not hold there is missing."""
        if point < len(self.space.given):
            return self.space.values(self.space.given[point])
        stretch = self._numbering.stretch_of(point)
        index, position = self._stretches[stretch].shape, point - self._numbering.first_of(stretch)
        return self.space.point(index, self.shapes[index].coordinates, position)

    def config(self, point: int) -> Config:
        """The complete config of a point."""
        return trial_config(self.base, self.values(point))

    # ---- shapes

    @cached_property
    def numbers_by_stretch(self) -> list[tuple[int, range]]:
        """The shape of each stretch and the numbers of its trials; of a search that is fixed at submit."""
        ends = [0, *accumulate(stretch.points * self.replicates for stretch in self._stretches)]
        return [
            (stretch.shape, range(*pair))
            for stretch, pair in zip(self._stretches, pairwise(ends), strict=True)
        ]

    @cached_property
    def precisions(self) -> frozenset[str]:
        """The precisions in which its trials train."""
        return frozenset(shape.precision for shape in self.shapes)

    def shape_config(self, index: int) -> Config:
        """The config of a shape, its row axes at their first values."""
        return trial_config(self.base, self.shape_values(index))

    def shape_values(self, index: int) -> dict[str, Any]:
        """The values of the axes that make a shape what it is."""
        return self.space.values(self.shapes[index].coordinates)

    def shape_example(self, index: int) -> dict[str, Any]:
        """The values of a point of a shape, the first one where its points are fixed at submit."""
        coordinates = self.shapes[index].coordinates
        given = self.space.given_in(coordinates)
        return self.space.values(given[0]) if given else self.space.point(index, coordinates, 0)

    def shape_at(self, point: Coordinates) -> int:
        """The index of the shape in which a point of the space lies."""
        own = self.space.shape_of(point)
        return next(index for index, shape in enumerate(self.shapes) if shape.coordinates == own)

    @property
    def metrics(self) -> list[MetricFacts]:
        """Every metric that some of its trials measure, besides the loss."""
        return list({metric.name: metric for shape in self.shapes for metric in shape.metrics}.values())

    @property
    def class_names(self) -> list[list[str]]:
        """The names of the classes, by their numbers: once for all data that have the same ones."""
        found = dict.fromkeys(tuple(shape.class_names) for shape in self.shapes)
        return [list(names) for names in found if names]

    @property
    def classes_of_metrics(self) -> dict[str, str]:
        """The class of each metric of a class, by the metric's name, where all data have the same classes."""
        alike = len({tuple(shape.class_names) for shape in self.shapes}) == 1
        merged = {metric: name for shape in self.shapes for metric, name in shape.classes_of_metrics.items()}
        return merged if alike else {}

    @property
    def data_notes(self) -> list[str]:
        """What a user should read about the images of its data, each sentence once."""
        return list(dict.fromkeys(note for shape in self.shapes for note in shape.data_notes))

    @cached_property
    def labels(self) -> PointLabels:
        """How the points are shown."""
        return PointLabels(self.axes)

    @cached_property
    def _stretches(self) -> list[Stretch]:
        """The points that are given, as far as neighbours are of one shape; then the others of each shape."""
        given = [self.shape_at(point) for point in self.space.given]
        first = [Stretch(shape, len(list(points))) for shape, points in groupby(given)]
        own = [Stretch(index, shape.points - given.count(index)) for index, shape in enumerate(self.shapes)]
        return first + own

    @cached_property
    def _numbering(self) -> Numbering:
        if self.asked is not None:  # whatever their shapes: replicates of a point are neighbours
            return Numbering([self.asked], [True], self.replicates)
        mixed = [self.shapes[one.shape].mixed for one in self._stretches]
        return Numbering([one.points for one in self._stretches], mixed, self.replicates)
