"""A spec resolved once, at submit: every axis with its kind, every distinct shape with its size and width.

Dispatch, the API and the CLI read the plan only; nobody builds a model to find out what a trial is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict

from services.domain import packing, search
from services.domain.config import Config, overlay, read, related
from services.domain.errors import Problem, SpecError, nearest, pointer
from services.domain.spec import Spec

MAX_SHAPES = 200
MAX_VALUES = 1000  # of one axis
MAX_CHOICES = 5000  # of axes that depend on one another, each of which is resolved at submit


@dataclass(frozen=True)
class Facts:
    """What a dry build tells of one architecture."""

    parameters: int
    flops: int  # forward, one image
    bytes_per_row: int


class Catalogue(Protocol):
    """What the plan asks of the training library, behind the one door that may import it."""

    def resolve(self, config: Mapping[str, Any]) -> Config:
        """Complete and check a config; `ConfigFault` with a dotted path where it is wrong."""

    def is_row(self, config: Mapping[str, Any], path: str) -> bool:
        """Whether trials that differ in this path may be rows of one array."""

    def paths(self, config: Mapping[str, Any]) -> Sequence[str]:
        """Every dotted path of a resolved config."""

    def shape_key(self, config: Mapping[str, Any]) -> str:
        """A short name for everything that rows of one array must share."""

    def inspect(self, config: Mapping[str, Any]) -> Facts:
        """Build on paper; `ConfigFault` where the architecture and the images do not fit."""


class ConfigFault(Exception):
    """A config is wrong at a dotted path; the plan turns it into a pointer into the user's own text."""

    def __init__(self, path: str, detail: str) -> None:
        super().__init__(f"{path}: {detail}")
        self.path, self.detail = path, detail


class Axis(BaseModel):
    """One swept hyperparameter: its path, its completed values, and whether they are rows of one array."""

    model_config = ConfigDict(frozen=True)

    path: str
    row: bool
    values: list[Any]


class Shape(BaseModel):
    """One architecture of the sweep; its trials can share arrays of `width` rows."""

    model_config = ConfigDict(frozen=True)

    key: str
    parameters: int
    flops: int
    bytes_per_row: int
    width: int
    epochs: int


class Plan(BaseModel):
    """All that later steps need. Points count shape axes first, so neighbours fuse."""

    model_config = ConfigDict(frozen=True)

    base: Config
    axes: list[Axis]
    search: str
    shapes: list[Shape]
    per_shape: int

    @property
    def trials(self) -> int:
        """How many trials the sweep runs."""
        return len(self.shapes) * self.per_shape

    def values(self, point: int) -> dict[str, Any]:
        """The value of each axis at a point."""
        digits = search.get(self.search).digits(point, [len(axis.values) for axis in self.axes])
        return {axis.path: axis.values[d] for axis, d in zip(self.axes, digits, strict=True)}

    def config(self, point: int) -> Config:
        """The complete config of a point."""
        return overlay(self.base, self.values(point))

    def shape_of(self, point: int) -> int:
        """Index into `shapes`."""
        return point // self.per_shape

    def row_of(self, point: int) -> int:
        """The row that the point's trial takes in whichever pack it trains."""
        return packing.row(point % self.per_shape, self.shapes[self.shape_of(point)].width)


def make_plan(spec: Spec, catalogue: Catalogue, *, limit: int, memory: int) -> Plan:
    """Resolve a spec into a plan.

    `limit` is the most trials a sweep may run without naming `max_trials`; `memory` the bytes a pack's rows
    may take. Raises `SpecError` with a pointer into the spec for every fault that it can name.
    """
    method = search.get(spec.search)
    # Counted before anything is looked at: what follows takes time in proportion to it.
    trials = method.points([len(values) for values in spec.space.values()])
    if trials > (spec.max_trials or limit):
        raise SpecError(
            [Problem("/max_trials" if spec.max_trials else "/space", _too_many(trials, spec, limit))]
        )
    space = _full_paths(spec, catalogue)
    checked = _check_axes(spec, space, catalogue)
    axes = sorted(checked, key=lambda axis: (axis.row, not isinstance(axis.values[0], dict)))
    base = _complete(spec, {axis.path: axis.values[0] for axis in axes}, catalogue)
    shape_axes = [axis for axis in axes if not axis.row]
    count = prod(len(axis.values) for axis in shape_axes)
    if count > MAX_SHAPES:
        detail = f"the space has {count} distinct architectures; at most {MAX_SHAPES} fit one"
        raise SpecError([Problem("/space", detail)])
    per_shape = trials // count
    shapes = []
    for picks in product(*(range(len(axis.values)) for axis in shape_axes)):
        place = {axis.path: pick for axis, pick in zip(shape_axes, picks, strict=True)}
        choice = {axis.path: axis.values[place[axis.path]] for axis in shape_axes}
        try:
            shapes.append(_shape(overlay(base, choice), spec, per_shape, memory, catalogue))
        except ConfigFault as fault:
            raise SpecError([_problem(fault, spec.space, choice, place)]) from None
    return Plan(base=base, axes=axes, search=spec.search, shapes=shapes, per_shape=per_shape)


def _too_many(trials: int, spec: Spec, limit: int) -> str:
    if spec.max_trials:
        return (
            f"the grid has {trials} points, but max_trials is {spec.max_trials}; raise it or shorten an axis"
        )
    return (
        f"the grid has {trials} points; a sweep of more than {limit} must say so with max_trials: {trials}. "
        "Shorten an axis or name max_trials."
    )


def _complete(spec: Spec, choices: Mapping[str, Any], catalogue: Catalogue) -> Config:
    """The spec's config with these choices, resolved level by level.

    So an axis below an object that the spec leaves out finds the object's default in its place:
    train.optimizer.lr is the rate of the default optimizer.
    """
    config: Config = spec.sections()
    for depth in range(1 + max((path.count(".") for path in choices), default=0)):
        level = {path: value for path, value in choices.items() if path.count(".") == depth}
        config = catalogue.resolve(overlay(config, level))
    return config


def _full_paths(spec: Spec, catalogue: Catalogue) -> dict[str, list[Any]]:
    """Write short names of axes out in full, and refuse empty axes and values given twice."""
    problems = []
    for name, values in spec.space.items():
        if not values:
            problems.append(
                Problem(pointer("space", name), f"axis {name!r} has no values; give a list of at least one")
            )
        if len(values) > MAX_VALUES:
            detail = f"axis {name!r} has {len(values)} values; the most is {MAX_VALUES}"
            problems.append(Problem(pointer("space", name), detail))
            continue
        repeated = next((v for i, v in enumerate(values) if any(_same(v, w) for w in values[:i])), None)
        if repeated is not None:
            problems.append(
                Problem(pointer("space", name), f"axis {name!r} has the value {repeated!r} twice")
            )
    if problems:
        raise SpecError(problems)
    entries = {n: v[0] for n, v in spec.space.items() if isinstance(v[0], str | dict)}
    first = {name: value for name, value in entries.items() if "." in name or name in ("model", "data")}
    try:
        known = catalogue.paths(_complete(spec, first, catalogue))
    except ConfigFault as fault:
        raise SpecError([_problem(fault, spec.space, first, {})]) from None
    full: dict[str, list[Any]] = {}
    for name, values in spec.space.items():
        path = name
        if name not in known:
            matches = [p for p in known if p.endswith("." + name)]
            if len(matches) != 1:
                why = f"could be any of {', '.join(matches)}" if matches else _unknown(name, known)
                problems.append(Problem(pointer("space", name), f"axis {name!r} {why}"))
                continue
            path = matches[0]
        if path in full:
            problems.append(Problem(pointer("space", name), f"{path} is swept twice"))
        full[path] = values
    if problems:
        raise SpecError(problems)
    return full


def _unknown(name: str, known: Sequence[str]) -> str:
    """Say that no such hyperparameter is here, and what is there in its place."""
    parent = name.rpartition(".")[0]
    inside = [path for path in known if parent and path.rpartition(".")[0] == parent]
    there = [path for path in inside if not path.endswith(".name")]
    names = ", ".join(path.rpartition(".")[2] for path in there)
    has = f" {parent} has {names} with the first of its choices." if there else ""
    return f"is no hyperparameter here.{has}{nearest(name, there or known)}"


def _same(a: Any, b: Any) -> bool:
    return type(a) is type(b) and bool(a == b)


def _families(space: Mapping[str, list[Any]]) -> Iterator[list[str]]:
    """Axes whose values can depend on one another: those where one path lies inside the other."""
    left = sorted(space, key=lambda path: path.count("."))
    while left:
        head = left[0]
        family = [path for path in left if related(path, head)]
        left = [path for path in left if path not in family]
        yield family


def _check_axes(spec: Spec, space: Mapping[str, list[Any]], catalogue: Catalogue) -> list[Axis]:
    """Resolve every choice of every axis, with all choices of the axes it depends on."""
    first = {path: values[0] for path, values in space.items()}
    problems: list[Problem] = []
    found: dict[str, Axis] = {}
    for family in _families(space):
        choices = prod(len(space[path]) for path in family)
        if choices > MAX_CHOICES:
            detail = f"{' and '.join(family)} depend on one another and have {choices} choices together"
            raise SpecError([Problem("/space", f"{detail}; the most is {MAX_CHOICES}")])
        rows = dict.fromkeys(family, True)
        done: dict[str, dict[int, Any]] = {path: {} for path in family}
        for picks in product(*(range(len(space[path])) for path in family)):
            choice = first | {path: space[path][i] for path, i in zip(family, picks, strict=True)}
            try:
                config = _complete(spec, choice, catalogue)
                for path, i in zip(family, picks, strict=True):
                    rows[path] &= catalogue.is_row(config, path)
                    done[path].setdefault(i, read(config, path))
            except ConfigFault as fault:
                problem = _problem(fault, spec.space, choice, dict(zip(family, picks, strict=True)))
                if problem not in problems:
                    problems.append(problem)
        if not problems:
            found |= {
                p: Axis(path=p, row=rows[p], values=[done[p][i] for i in range(len(space[p]))])
                for p in family
            }
    if problems:
        raise SpecError(problems)
    axes = [found[path] for path in space]
    for axis in axes:
        if any(_same(v, w) for i, v in enumerate(axis.values) for w in axis.values[:i]):
            raise SpecError(
                [Problem(pointer("space", axis.path), "two values of this axis mean the same once completed")]
            )
    return axes


def _shape(config: Config, spec: Spec, trials: int, memory: int, catalogue: Catalogue) -> Shape:
    """One architecture, built on paper; `ConfigFault` where it, the images and the objective do not fit."""
    metric = spec.objective.metric
    if metric.startswith("val/") and not config["data"]["validation"]:
        other = metric.replace("val", "train")
        raise ConfigFault(
            "data.validation", f"must be above 0 to rank by {metric}, got 0; or rank by {other}"
        )
    facts = catalogue.inspect(config)
    return Shape(
        key=catalogue.shape_key(config),
        parameters=facts.parameters,
        flops=facts.flops,
        bytes_per_row=facts.bytes_per_row,
        width=packing.width(trials, facts.bytes_per_row, memory),
        epochs=config["train"]["epochs"],
    )


def _problem(
    fault: ConfigFault, space: Mapping[str, Any], choice: Mapping[str, Any], picks: Mapping[str, int]
) -> Problem:
    """Point to the axis that set the faulty value, else to the place in the spec itself."""
    for path in sorted(choice, key=len, reverse=True):
        if fault.path == path or fault.path.startswith(path + "."):
            name = next((n for n in space if path == n or path.endswith("." + n)), path)
            return Problem(pointer("space", name, picks.get(path, 0)), fault.detail)
    return Problem(pointer(*fault.path.split(".")) if fault.path else "", fault.detail)
