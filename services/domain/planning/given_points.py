"""The points that a spec lists itself: read, completed, and each fault refused at its place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from services.domain.errors import Problem, nearest, pointer
from services.domain.plan.axis import Axis, Coordinate, Coordinates, ListedAxis
from services.domain.plan.draws import Undrawable
from services.domain.plan.space import Space
from services.domain.planning.problems import Problems
from services.domain.spec.names import full_path, matches
from services.domain.spec.spec import Spec


@dataclass(frozen=True)
class SamePoint(Problem):
    """A point that is listed twice; `other` is the index of the first one."""

    other: int


def given_points(space: Space, spec: Spec, problems: Problems) -> list[Coordinates]:
    """Read the spec's points: values by the names of axes, as in `space`.

    Axes that a point leaves out are drawn at random for it, as those of a random search, until conditions and
    constraints are met.
    """
    if problems.exist:
        return []  # what it names may be left out
    found: list[Coordinates] = []
    keys: dict[str, int] = {}
    for index, written in enumerate(spec.points):
        fixed = _fixed(space, index, written, problems)
        if fixed is None:
            continue
        try:
            point = space.drawer.draw((space.seed, "given", index), fixed)
        except Undrawable:
            detail = "no point of the space has these values: they contradict a condition or a constraint"
            problems.add(pointer("points", index), detail)
            continue
        key = space.searched.at(point).key
        # A sweep that is extended may have drawn one point twice.
        if (first := keys.setdefault(key, index)) != index and index >= problems.tried:
            detail = f"is the same point as number {first}, counted from 0"
            problems.extend([SamePoint(pointer("points", index), detail, first)])
            continue
        found.append(point)
    most = len(found) if spec.max_trials is None else spec.max_trials // spec.replicates
    if len(found) > most:
        detail = f"has {len(found)} points, but with max_trials {spec.max_trials} the sweep has {most}"
        problems.add("/points", f"{detail}; raise max_trials or shorten the list")
    return found


def _fixed(space: Space, index: int, written: dict[str, Any], problems: Problems) -> Coordinates | None:
    """The coordinates that a point names; None, and problems, if there is none."""
    found: Coordinates = {}
    faults = False
    for name, value in written.items():
        place = pointer("points", index, name)
        axis = axis_named(name, space.axes)
        if axis is None:
            known = [known for each in space.axes for known in (each.name, each.path)]
            problems.add(place, f"{name} is not an axis of the space.{nearest(name, known)}")
        elif (coordinate := coordinate_on(axis, value)) is None:
            problems.add(place, _wrong_value(axis, value))
        else:
            zipped = next((paths for paths in space.dependencies.zips if axis.path in paths), [axis.path])
            if any(found.get(path, coordinate) != coordinate for path in zipped):
                problems.add(place, f"{name} is zipped, and another value of this point contradicts it")
                faults = True
            found[axis.path] = coordinate
            continue
        faults = True
    return None if faults else found


def axis_named(name: str, axes: Sequence[Axis]) -> Axis | None:
    """The axis that a user means by its name, its path or the end of one; None if there is none, or more."""
    by_path = {axis.path: axis for axis in axes}
    by_name = {axis.name: axis for axis in axes}
    return by_name.get(name) or by_path.get(full_path(name, by_path) or "")


def coordinate_on(axis: Axis, value: Any) -> Coordinate | None:
    """Where a value as a user writes it lies on an axis; None if it lies nowhere, or could lie at several."""
    if not isinstance(axis, ListedAxis):
        return axis.coordinate_of(value)
    exact = [index for index, own in enumerate(axis.written) if own == value]
    found = exact or [index for index, own in enumerate(axis.written) if matches(own, value)]
    return found[0] if len(found) == 1 else None


def _wrong_value(axis: Axis, value: Any) -> str:
    if isinstance(axis, ListedAxis):
        return f"must be one of the values of {axis.name} as the space has them, got {value!r}"
    steps = "" if axis.size is None else " at a whole number of steps"
    return f"must be a number from {axis.low:g} to {axis.high:g}{steps}, got {value!r}"
