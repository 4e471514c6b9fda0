"""Points drawn at random where a space has ranges without steps: hashes of seed, shape, position and axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from services.domain.plan.axis import Axis, Coordinate, Coordinates
from services.domain.plan.dependencies import Dependencies
from services.domain.random_numbers import unit

MAX_DRAWS_PER_POINT = 1000  # a space whose constraints leave a smaller share is not searched at random


class Undrawable(ValueError):
    """No point that meets the constraints was found in `MAX_DRAWS_PER_POINT` draws."""


class Drawer:
    """Draws points of some axes; what all draws have in common is worked out once."""

    def __init__(self, axes: Sequence[Axis], dependencies: Dependencies) -> None:
        self._axes, self._dependencies = {axis.path: axis for axis in axes}, dependencies
        self._steps = [
            (
                path,
                self._axes[path],
                dependencies.first_of_zip(path),
                [other for zipped in dependencies.zips if path in zipped for other in zipped],
                [(c.on, c.indices) for c in dependencies.conditions if c.axis == path],
            )
            for path in dependencies.order(list(self._axes))
        ]
        self._constrained = set(dependencies.aliases.values()) if dependencies.constraints else set()

    def draw(self, key: tuple[int | str, ...], fixed: Mapping[str, Coordinate | None]) -> Coordinates:
        """Draw a coordinate on every axis, each independent of the others; `fixed` axes keep theirs, or None.

        Repeated, with the number of the attempt in the key, until conditions and constraints are met. Raises
        `Undrawable` if they are not met in `MAX_DRAWS_PER_POINT` attempts.
        """
        for attempt in range(MAX_DRAWS_PER_POINT):
            found = self._attempt((*key, attempt), fixed)
            if found is not None and self._allowed(found):
                return found
        raise Undrawable(f"fewer than one in {MAX_DRAWS_PER_POINT} random points meets the constraints")

    def share_allowed(self, seed: int) -> float:
        """Estimate the share of random points that meet the constraints, from `MAX_DRAWS_PER_POINT` of them.

        At least one of these counts as met.
        """
        found = (self._attempt((seed, "share", attempt), {}) or {} for attempt in range(MAX_DRAWS_PER_POINT))
        return max(1, sum(map(self._allowed, found))) / MAX_DRAWS_PER_POINT

    def _allowed(self, found: Coordinates) -> bool:
        if not self._constrained:
            return True
        axes, named = self._axes, self._constrained
        written = {path: axes[path].as_written(at) for path, at in found.items() if path in named}
        return self._dependencies.constraints_hold(written)

    def _attempt(
        self, key: tuple[int | str, ...], fixed: Mapping[str, Coordinate | None]
    ) -> Coordinates | None:
        """One draw; None if the conditions contradict a fixed axis."""
        found: Coordinates = {}
        for path, axis, first_of_zip, zipped, conditions in self._steps:
            has_value = not conditions or all(found.get(on) in indices for on, indices in conditions)
            if path in fixed:
                coordinate = fixed[path]
                if has_value != (coordinate is not None):
                    return None
                if coordinate is not None:
                    found[path] = coordinate
            elif has_value:
                set_by = (fixed[other] for other in zipped if fixed.get(other) is not None)
                coordinate = next(set_by, None)
                found[path] = axis.at(unit(*key, first_of_zip)) if coordinate is None else coordinate
        return found
