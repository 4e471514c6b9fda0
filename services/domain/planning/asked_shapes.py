"""The shapes of a search that chooses points by results: all that there can be, since any may be chosen."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from services.domain.errors import Problem, SpecError, pointer
from services.domain.plan.axis import Coordinates
from services.domain.plan.draws import Undrawable
from services.domain.plan.space import Space
from services.domain.planning.limits import MAX_COMBINATIONS

ShapeCount = tuple[Coordinates, int]


def asked_shapes(space: Space, listed: Sequence[Coordinates] | None, points: int) -> list[ShapeCount]:
    """Every shape, with how many of `points` points it can have at most.

    `listed` are the shapes of a space that can be listed. `SpecError` where a shape axis is a range without
    steps, or there are too many combinations.
    """
    if listed is not None:
        sizes = [prod(map(len, space.choices(shape))) for shape in listed]
        return [(shape, min(points, size)) for shape, size in zip(listed, sizes, strict=True)]
    return [(shape, points) for shape in _combinations(space) if _has_points(space, shape)]


def _combinations(space: Space) -> list[Coordinates]:
    """What the shape axes can have together, by zips, conditions and the constraints of these alone."""
    axes = {axis.path: axis for axis in space.axes}
    open_ranges = [axis for axis in space.axes if not axis.row and axis.size is None]
    if open_ranges:
        raise SpecError([_open_range(axis.name, space.search) for axis in open_ranges])
    involved = set(space.shape_paths)
    while more := {c.on for c in space.dependencies.conditions if c.axis in involved} - involved:
        involved |= more
    paths = [axis.path for axis in space.axes if axis.path in involved]
    among = space.dependencies.among(paths)
    sizes = {path: axes[path].size or 0 for path in paths}
    count = prod(sizes[path] for path in {among.first_of_zip(path) for path in paths})
    if count > MAX_COMBINATIONS:
        detail = (
            f"the axes that change the architecture have {count} combinations, more than {MAX_COMBINATIONS}"
        )
        raise SpecError([Problem("/space", f"{detail}; shorten these axes")])
    found: dict[tuple[tuple[str, int | float], ...], Coordinates] = {}
    for point in among.combinations(paths, {path: range(size) for path, size in sizes.items()}):
        if among.constraints_hold({path: axes[path].as_written(at) for path, at in point.items()}):
            shape = space.shape_of(point)
            found.setdefault(tuple(shape.items()), shape)
    return list(found.values())


def _open_range(name: str, method: str) -> Problem:
    return Problem(
        pointer("space", name),
        f"axis {name!r} changes the architecture, and there search: {method} takes no range without steps; "
        "give it a step or a list of values",
    )


def _has_points(space: Space, shape: Coordinates) -> bool:
    """Whether a point of the shape is found at random."""
    try:
        space.drawer.draw((space.seed, "shape"), {path: shape.get(path) for path in space.shape_paths})
    except Undrawable:
        return False
    return True
