"""Step 5, number. In: checked axes. Out: the space of the plan, and each shape with its number of points."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any

from services.domain import search
from services.domain.config import Config
from services.domain.errors import Problem, SpecError
from services.domain.plan import draws
from services.domain.plan.axis import Axis, Coordinate, Coordinates
from services.domain.plan.choices import Group
from services.domain.plan.dependencies import Dependencies
from services.domain.plan.space import Space
from services.domain.planning.asked_shapes import asked_shapes
from services.domain.planning.blame import uncomputable, undrawable, unmet
from services.domain.planning.catalog import ConfigFault
from services.domain.planning.completion import Completion
from services.domain.planning.given_points import given_points
from services.domain.planning.limits import MAX_COMBINATIONS, MAX_DRAWS_PER_SUBMIT, MAX_SHAPES, check_size
from services.domain.planning.problems import Problems
from services.domain.search import AskedSearch, IndexedSearch
from services.domain.spec.constraint import ConstraintError
from services.domain.spec.spec import Spec


@dataclass(frozen=True)
class NumberedSpace:
    """A space whose points have numbers: first those of the first shape, then those of the next.

    `base` is the config with every axis at its first value.
    """

    base: Config
    space: Space
    shapes: list[tuple[Coordinates, int]]  # its coordinates, and how many of its points are visited
    asked: int | None = None  # how many points in all, of a search that chooses them by results


def number_points(
    axes: Sequence[Axis],
    dependencies: Dependencies,
    completion: Completion,
    limit: int,
    problems: Problems,
) -> NumberedSpace:
    """Count the points of every shape that the search visits; refuse a space with too many.

    Constraints that leave no point are refused, and then left out. Where `problems` exist, the space is what
    they leave of it, and nothing is said of its size. `SpecError` where no step can go on.
    """
    spec, whole = completion.spec, not problems.exist
    if problems.uncounted:
        spec = spec.model_copy(update={"search": "random", "max_trials": spec.replicates})
    # Shape axes first, so that trials of one shape are neighbours; then entries before numbers.
    axes = sorted(axes, key=_order)
    conditional = dependencies.conditional
    try:
        base = completion.complete(
            {axis.path: axis.as_written(axis.at(0.0)) for axis in axes if axis.path not in conditional}
        )
    except ConfigFault:
        problems.raise_any()  # an axis may need one that is left out
        raise
    try:
        space, shapes = _count(axes, dependencies, spec, problems)
    except _ConstraintRefused as refused:
        problems.extend([refused.problem])
        problems.untied = True
        free = Dependencies(zips=dependencies.zips, conditions=dependencies.conditions)
        return number_points(axes, free, completion, limit, problems)
    except SpecError as error:
        problems.stop(error.problems if whole else ())
    asked = None
    if whole and isinstance(search.get(spec.search), AskedSearch):
        asked = _asked_points(space, spec, problems)
    try:
        if whole and asked is None:
            check_size(spec, sum(points for _, points in shapes), limit)
    except SpecError as error:
        problems.extend(error.problems)
    if len(shapes) > MAX_SHAPES:
        detail = f"the space has {len(shapes)} distinct architectures; a sweep may have {MAX_SHAPES}"
        problems.stop([Problem("/space", detail)] if whole else ())
    return NumberedSpace(base, space, shapes, asked)


def _asked_points(space: Space, spec: Spec, problems: Problems) -> int:
    """How many points the search is asked for; refuse a space that leaves it nothing to choose."""
    size, points = space.searched.size, _points(spec) or 0
    if size == 1:
        detail = (
            f"search: {spec.search} chooses points by results, but this space has one point; leave it out"
        )
        problems.add("/search", detail)
    elif size is None:
        try:
            _check_draws(space, points)
        except SpecError as error:
            problems.extend(error.problems)
    return points if size is None else min(points, size)


class _ConstraintRefused(Exception):
    """A constraint cannot be computed, or leaves no point."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail)
        self.problem = problem


def _count(
    axes: Sequence[Axis], dependencies: Dependencies, spec: Spec, problems: Problems
) -> tuple[Space, list[tuple[Coordinates, int]]]:
    """The space, and how many points of each shape are visited; `_ConstraintRefused` if there are none."""
    try:
        groups = _groups(axes, dependencies)
        listed = None if groups is None else _listed_shapes(axes, groups)
        space = Space(
            axes=list(axes),
            dependencies=dependencies,
            groups=groups or [],
            search=spec.search,
            drawn=listed is None,
            seed=spec.seed,
        )
        space = space.model_copy(update={"given": given_points(space, spec, problems)})
        if isinstance(search.get(spec.search), AskedSearch):
            shapes = asked_shapes(space, listed, _points(spec) or 0)
        else:
            shapes = _with_given(_own_shapes(space, listed, spec), space)
    except ConstraintError as error:
        raise _ConstraintRefused(uncomputable(error, spec)) from None
    except draws.Undrawable as error:
        raise _ConstraintRefused(undrawable(error, axes, dependencies, spec)) from None
    shapes = [(coordinates, points) for coordinates, points in shapes if points]
    if not shapes:
        raise _ConstraintRefused(unmet(dependencies, spec, lambda some: _is_empty(axes, some)))
    return space, shapes


def _is_empty(axes: Sequence[Axis], dependencies: Dependencies) -> bool:
    """Whether dependent axes have no combination left."""
    return any(group.combinations == [] for group in _groups(axes, dependencies) or [])


def _order(axis: Axis) -> tuple[bool, bool]:
    return axis.row, axis.values is None or not isinstance(axis.values[0], dict)


def _groups(axes: Sequence[Axis], dependencies: Dependencies) -> list[Group] | None:
    """What dependent axes can have together; None if that cannot be listed."""
    by_path = {axis.path: axis for axis in axes}
    sizes = {axis.path: size for axis in axes if (size := axis.size) is not None}
    if len(sizes) < len(by_path):
        return None
    groups = []
    for paths in dependencies.groups(list(by_path)):
        if len(paths) == 1 and paths[0] not in dependencies.aliases.values():
            groups.append(Group(paths=paths))
            continue
        deciding = {dependencies.first_of_zip(path) for path in paths}
        if prod(sizes[path] for path in deciding) > MAX_COMBINATIONS:
            return None
        combinations = [
            [_index(found.get(path)) for path in paths]
            for found in dependencies.combinations(paths, {path: range(sizes[path]) for path in paths})
            if dependencies.constraints_hold(_as_written(found, by_path))
        ]
        groups.append(Group(paths=paths, combinations=combinations))
    return groups


def _as_written(coordinates: Coordinates, axes: Mapping[str, Axis]) -> dict[str, Any]:
    return {path: axes[path].as_written(at) for path, at in coordinates.items()}


def _index(coordinate: Coordinate | None) -> int | None:
    return None if coordinate is None else int(coordinate)


def _listed_shapes(axes: Sequence[Axis], groups: Sequence[Group]) -> list[Coordinates] | None:
    """Every combination of coordinates on the shape axes; None if there are too many."""
    by_path = {axis.path: axis for axis in axes}
    parts: list[Sequence[tuple[tuple[str, int | None], ...]]] = []
    for group in groups:
        own = [place for place, path in enumerate(group.paths) if not by_path[path].row]
        if own:
            parts.append(_distinct(group, own, by_path))
    if prod(map(len, parts)) > MAX_COMBINATIONS:
        return None
    return [
        {path: index for part in chosen for path, index in part if index is not None}
        for chosen in product(*parts)
    ]


def _distinct(
    group: Group, own: Sequence[int], axes: Mapping[str, Axis]
) -> list[tuple[tuple[str, int | None], ...]]:
    """The combinations of some axes of a group, by their places in it; each of them once."""
    combinations: Sequence[Sequence[int | None]]
    if group.combinations is None:
        combinations = [(index,) for index in range(axes[group.paths[0]].size or 0)]
    else:
        combinations = group.combinations
    return list(
        dict.fromkeys(tuple((group.paths[place], found[place]) for place in own) for found in combinations)
    )


def _points(spec: Spec) -> int | None:
    """How many points the sweep may try; None: no limit."""
    return None if spec.max_trials is None else spec.max_trials // spec.replicates


def _own_shapes(
    space: Space, listed: Sequence[Coordinates] | None, spec: Spec
) -> list[tuple[Coordinates, int]]:
    """How many points of each shape the search visits, besides those that are given."""
    method = search.get(spec.search)
    points = _points(spec)
    if points is not None:
        points = max(0, points - len(space.given))
    if space.sequence is not None and points is not None:
        _check_draws(space, points)
        return space.sequence.counts(points)
    if listed is None or not isinstance(method, IndexedSearch):
        return _drawn_shapes(space, points, spec)
    sizes = [prod(map(len, space.choices(shape))) for shape in listed]
    left = [size - len(space.given_in(shape)) for size, shape in zip(sizes, listed, strict=True)]
    visited = list(map(min, method.visits(sizes, points, spec.seed), left))
    missing = (sum(left) if points is None else min(points, sum(left))) - sum(visited)
    for index, most in enumerate(left):  # a shape of which points are given may have no room for its share
        more = min(missing, most - visited[index])
        visited[index], missing = visited[index] + more, missing - more
    return list(zip(listed, visited, strict=True))


def _with_given(shapes: Sequence[tuple[Coordinates, int]], space: Space) -> list[tuple[Coordinates, int]]:
    """The shapes with the points that are given, each counted to its own."""
    counts = {tuple(sorted(coordinates.items())): points for coordinates, points in shapes}
    for point in space.given:
        key = tuple(sorted(space.shape_of(point).items()))
        counts[key] = counts.get(key, 0) + 1
    return [(dict(shape), points) for shape, points in counts.items()]


def _drawn_shapes(space: Space, points: int | None, spec: Spec) -> list[tuple[Coordinates, int]]:
    """Draw every point once, and count those of each shape."""
    if not search.get(spec.search).draws_points or points is None:
        detail = f"the space has more than {MAX_COMBINATIONS} combinations of axes that depend on one another"
        raise SpecError([Problem("/space", f"{detail}; shorten these axes, or choose search: random")])
    _check_draws(space, points)
    own = [axis.path for axis in space.axes if not axis.row]
    if not own:
        return [({}, points)]
    counts: Counter[tuple[tuple[str, Coordinate], ...]] = Counter()
    for position in range(points):
        found = space.drawer.draw((spec.seed, "shape", position), {})
        counts[tuple((path, found[path]) for path in own if path in found)] += 1
    return [(dict(shape), count) for shape, count in counts.items()]


def _check_draws(space: Space, points: int) -> None:
    """Refuse a search for many points if constraints leave few."""
    if not space.dependencies.constraints:
        return
    share = space.drawer.share_allowed(space.seed)
    most = int(MAX_DRAWS_PER_SUBMIT * share)
    if points > most:
        detail = (
            f"about {share:.1%} of random points meet the constraints, so at most {most} can be found, "
            f"got {points}; shorten the ranges that the constraints cut, or lower max_trials"
        )
        raise SpecError([Problem("/constraints", detail)])
