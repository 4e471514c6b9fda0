"""Points drawn at random where a space has ranges without steps: hashes of seed, shape, position and axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from services.domain.plan.axis import Axis, Coordinate, Coordinates
from services.domain.plan.dependencies import Dependencies
from services.domain.random_numbers import unit

MAX_DRAWS_PER_POINT = 1000  # a space whose constraints leave a smaller share is not searched at random


class Undrawable(ValueError):
    """No point that meets the constraints was found in `MAX_DRAWS_PER_POINT` draws."""


def draw(
    axes: Sequence[Axis],
    dependencies: Dependencies,
    key: tuple[int | str, ...],
    fixed: Mapping[str, Coordinate | None],
) -> Coordinates:
    """Draw a coordinate on every axis, each independent of the others; `fixed` axes keep theirs, or None.

    Repeated, with the number of the attempt in the key, until conditions and constraints are met. Raises
    `Undrawable` if they are not met in `MAX_DRAWS_PER_POINT` attempts.
    """
    by_path = {axis.path: axis for axis in axes}
    order = dependencies.order(list(by_path))
    for attempt in range(MAX_DRAWS_PER_POINT):
        found = _attempt(by_path, order, dependencies, (*key, attempt), fixed)
        if found is not None and _allowed(found, by_path, dependencies):
            return found
    raise Undrawable(f"fewer than one in {MAX_DRAWS_PER_POINT} random points meets the constraints")


def share_allowed(axes: Sequence[Axis], dependencies: Dependencies, seed: int) -> float:
    """Estimate the share of random points that meet the constraints, from `MAX_DRAWS_PER_POINT` of them.

    At least one of these counts as met.
    """
    by_path = {axis.path: axis for axis in axes}
    order = dependencies.order(list(by_path))
    found = (
        _attempt(by_path, order, dependencies, (seed, "share", attempt), {}) or {}
        for attempt in range(MAX_DRAWS_PER_POINT)
    )
    met = sum(_allowed(coordinates, by_path, dependencies) for coordinates in found)
    return max(1, met) / MAX_DRAWS_PER_POINT


def _allowed(found: Coordinates, axes: Mapping[str, Axis], dependencies: Dependencies) -> bool:
    return dependencies.constraints_hold({path: axes[path].as_written(at) for path, at in found.items()})


def _attempt(
    axes: Mapping[str, Axis],
    order: Sequence[str],
    dependencies: Dependencies,
    key: tuple[int | str, ...],
    fixed: Mapping[str, Coordinate | None],
) -> Coordinates | None:
    """One draw; None if the conditions contradict a fixed axis."""
    found: Coordinates = {}
    for path in order:
        has_value = dependencies.has_value(path, found)
        if path in fixed:
            coordinate = fixed[path]
            if has_value != (coordinate is not None):
                return None
        else:
            coordinate = axes[path].at(unit(*key, dependencies.first_of_zip(path)))
        if has_value and coordinate is not None:
            found[path] = coordinate
    return found
