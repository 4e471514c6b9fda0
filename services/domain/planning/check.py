"""Step 4, check. In: axes, dependencies. Out: the same, values completed, each axis a row's or a shape's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from math import prod
from typing import Any

from services.domain import search
from services.domain.config import read, related
from services.domain.errors import Problem, SpecError, pointer
from services.domain.plan.axis import Axis, Coordinate, Coordinates, ListedAxis, RangeAxis
from services.domain.plan.dependencies import Dependencies
from services.domain.planning.blame import uncomputable
from services.domain.planning.catalog import ConfigFault
from services.domain.planning.completion import Completion, set_by
from services.domain.planning.limits import MAX_COMBINATIONS, MAX_LISTED_VALUES, check_size
from services.domain.planning.problems import Problems
from services.domain.planning.read import same
from services.domain.spec.constraint import ConstraintError
from services.domain.spec.spec import Spec

MAX_VALUES_OF_TOO_MANY = 200  # on all axes, that are checked where the space is too large in any case
INSIDE = 0.381966  # where inside a range, besides its ends, it is tried: at no round number


def check_axes(
    axes: Sequence[Axis],
    dependencies: Dependencies,
    completion: Completion,
    limit: int,
    problems: Problems,
) -> tuple[list[Axis], Dependencies]:
    """Resolve every value of every axis; refuse values that are wrong, or equal once completed.

    The path of a range may grow: under the axis train.l2 stands {strength: …}, and the range is of that.
    Returns the axes without those of which something is refused, and how these depend on one another.
    `SpecError`, with the `problems` of the earlier steps too, where no step can go on.
    """
    _refuse_open_ranges(axes, completion.spec, problems)
    try:
        if not problems.exist:
            _check_size(axes, dependencies, completion.spec, limit)
    except SpecError as error:
        problems.extend(error.problems)
        if sum(axis.size or 0 for axis in axes) > MAX_VALUES_OF_TOO_MANY:
            problems.stop()
    try:
        checked = _Checker(axes, dependencies, completion, problems).checked()
    except SpecError as error:
        problems.stop(error.problems)
    kept = _distinct(checked, problems)
    while lost := {c.axis for c in dependencies.conditions if c.axis in kept and c.on not in kept}:
        kept = {path: axis for path, axis in kept.items() if path not in lost}
    renamed = {path: axis.path for path, axis in kept.items()}
    return list(kept.values()), dependencies.among(kept).renamed(renamed)


def _refuse_open_ranges(axes: Sequence[Axis], spec: Spec, problems: Problems) -> None:
    """Refuse open ranges in a search that visits every point; they are checked all the same."""
    if problems.uncounted or search.get(spec.search).takes_open_ranges:
        return
    for axis in axes:
        if axis.size is None:
            problems.uncounted = True
            problems.add(
                pointer("space", axis.name),
                f"axis {axis.name!r} is a range without steps, which search: {spec.search} cannot visit; "
                "give it a step or a list of values, or choose search: random with max_trials",
            )


def _check_size(axes: Sequence[Axis], dependencies: Dependencies, spec: Spec, limit: int) -> None:
    """Refuse what can be counted before anything is resolved: what follows takes time in proportion."""
    free = not (dependencies.zips or dependencies.conditions or dependencies.constraints)
    if free and not search.get(spec.search).takes_open_ranges:
        check_size(spec, prod(axis.size or 1 for axis in axes), limit)


def _distinct(axes: Mapping[str, Axis], problems: Problems) -> dict[str, Axis]:
    """Refuse a path that two axes have, and two values that are one once they are completed."""
    found: dict[str, Axis] = {}
    for path, axis in axes.items():
        place, values = pointer("space", axis.name), axis.values or []
        if axis.path in [other.path for other in found.values()]:
            problems.add(place, f"{axis.path} is swept twice", axis=axis.name)
        elif any(same(v, w) for i, v in enumerate(values) for w in values[:i]):
            detail = "two values of this axis are equal once their defaults are filled in"
            problems.add(place, detail, axis=axis.name)
        else:
            found[path] = axis
    return found


class _Checker:
    """Resolves configs with the values of axes, and collects what it learns of each axis."""

    def __init__(
        self, axes: Sequence[Axis], dependencies: Dependencies, completion: Completion, problems: Problems
    ) -> None:
        self._axes, self._dependencies, self._completion = axes, dependencies, completion
        self._faults = problems
        # Some combinations are none of the spec: a fault must be of the value alone.
        self._untied = problems.untied
        self._names = {axis.path: axis.name for axis in axes}
        self._refused: dict[tuple[str, Coordinate], list[Problem]] = {}  # by the value that is wrong
        self._beside: dict[str, list[Problem]] = {}  # of axes' first values, beside values of others
        self._rows: dict[str, bool] = {}
        self._completed: dict[str, dict[Coordinate, Any]] = {}
        self._found: dict[str, Axis] = {}
        self._problems: list[Problem] = []

    def checked(self) -> dict[str, Axis]:
        """Resolve every value of every axis, with all values of the axes that it depends on.

        Of a range its ends and a number inside are tried: what the catalog allows is an interval. Returns the
        axes of which no value is refused, by their paths; `SpecError` where the config itself is.
        """
        for together in sorted(self._checked_together(), key=lambda group: group[0].path.count(".")):
            self._check(together)
        refused: list[Problem] = []
        for (path, coordinate), problems in self._refused.items():
            if not (self._untied and coordinate in self._completed[path]):
                for problem in problems:
                    self._refuse(refused, problem)
        wrong = {path for path, _ in self._refused}
        for path, problems in self._beside.items():
            refused += [] if path in wrong else problems  # else the value is wrong, whatever stands beside it
        if self._problems:
            raise SpecError([*self._problems, *refused])
        self._faults.extend(refused)
        wrong |= self._beside.keys()
        whole = self._found.keys() - wrong
        return {axis.path: self._found[axis.path] for axis in self._axes if axis.path in whole}

    def _checked_together(self) -> Iterator[list[Axis]]:
        """Axes whose values can depend on one another: by a dependency, or one path inside the other."""
        if self._untied:
            yield from [list(self._axes)] if self._axes else []  # any of them may depend on one another
            return
        left = self._dependencies.groups([axis.path for axis in self._axes])
        by_path = {axis.path: axis for axis in self._axes}
        while left:
            paths = left.pop(0)
            while near := [group for group in left if any(related(a, b) for a in group for b in paths)]:
                paths = paths + [path for group in near for path in group]
                left = [group for group in left if group not in near]
            yield [by_path[path] for path in sorted(paths, key=lambda path: path.count("."))]

    def _check(self, axes: Sequence[Axis]) -> None:
        """Try every combination of these axes' values; each axis by itself where there are too many."""
        probes = {axis.path: _probes(axis) for axis in axes}
        self._rows |= dict.fromkeys(probes, True)
        self._completed |= {path: {} for path in probes}
        if self._count(probes) <= MAX_COMBINATIONS:
            self._try_combinations(axes, probes)
            for axis in axes:
                if isinstance(axis, RangeAxis) and not self._completed[axis.path]:
                    self._complete_anywhere(axis, axes, probes)
            self._keep(axes)
            return
        ends = {path: found[:1] + found[-1:] for path, found in probes.items()}
        nested = any(a != b and related(a, b) for a in probes for b in probes)
        if not self._untied and (nested or self._count(ends) > MAX_COMBINATIONS):
            detail = f"{' and '.join(probes)} depend on one another and have more than {MAX_COMBINATIONS}"
            raise SpecError([Problem("/space", f"{detail} combinations")])
        others = self._first_values()
        for axis in axes:
            for coordinate in probes[axis.path]:
                self._try(others | {axis.path: axis.as_written(coordinate)}, {axis.path: coordinate})
            self._keep([axis])

    def _complete_anywhere(
        self, axis: RangeAxis, axes: Sequence[Axis], probes: Mapping[str, Sequence[Coordinate]]
    ) -> None:
        """Complete a range of which constraints leave out every probe, though perhaps not every value.

        It is completed at points that they leave out, so a fault there is none of the spec.
        """
        inside = {**probes, axis.path: [axis.at(INSIDE), axis.at(1 - INSIDE)]}
        others = {path: value for path, value in self._first_values().items() if path not in probes}
        by_path = {each.path: each for each in axes}
        for coordinates in self._dependencies.combinations(list(inside), inside):
            if coordinates.get(axis.path) in (None, *self._completed[axis.path]):
                continue
            written = {path: by_path[path].as_written(at) for path, at in coordinates.items()}
            with suppress(ConfigFault):
                self._resolve(others | written, {axis.path: coordinates[axis.path]})

    def _count(self, probes: Mapping[str, Sequence[Coordinate]]) -> int:
        """How many combinations of probes there are, if zipped axes count once."""
        return prod(len(probes[path]) for path in {self._dependencies.first_of_zip(path) for path in probes})

    def _try_combinations(self, axes: Sequence[Axis], probes: Mapping[str, Sequence[Coordinate]]) -> None:
        others = {path: value for path, value in self._first_values().items() if path not in probes}
        by_path = {axis.path: axis for axis in axes}
        for coordinates in self._dependencies.combinations(list(probes), probes):
            written = {path: by_path[path].as_written(at) for path, at in coordinates.items()}
            try:
                allowed = self._dependencies.constraints_hold(written)
            except ConstraintError as error:
                raise SpecError([uncomputable(error, self._completion.spec)]) from None
            if allowed:
                self._try(others | written, coordinates)

    def _keep(self, axes: Sequence[Axis]) -> None:
        """Complete axes whose values have all been tried, but for those of which one is refused."""
        refused = {path for path, _ in self._refused}
        for axis in axes if not self._problems else ():
            if axis.path in refused:
                continue
            try:
                completed = _completed(axis, self._rows[axis.path], self._completed[axis.path])
                _check_numbers(completed, self._completion.spec)
                self._found[axis.path] = completed
            except SpecError as error:
                self._faults.extend(error.problems)

    def _try(self, values: Mapping[str, Any], coordinates: Coordinates) -> None:
        """Resolve one combination, or note what is wrong with it."""
        try:
            self._resolve(values, coordinates)
        except ConfigFault as error:
            indices = {path: at for path, at in coordinates.items() if isinstance(at, int)}
            for fault in error.all:
                problem = self._completion.problem(fault, self._names, values, indices)
                path = set_by(fault, values)
                if path is not None and path in coordinates:
                    self._refuse(self._refused.setdefault((path, coordinates[path]), []), problem)
                elif path is not None and not self._untied:
                    self._refuse(self._beside.setdefault(path, []), problem)
                elif not self._untied:
                    self._refuse(self._problems, problem)

    def _refuse(self, found: list[Problem], problem: Problem) -> None:
        """Add a problem, unless that place has one."""
        if problem.pointer not in [other.pointer for other in found]:
            found.append(problem)

    def _resolve(self, values: Mapping[str, Any], coordinates: Coordinates) -> None:
        """Resolve one combination; record of each axis whether it is a row's, and its completed value."""
        config = self._completion.complete(values)
        for path, coordinate in coordinates.items():
            self._rows[path] &= self._completion.catalog.is_row(config, path)
            if coordinate in self._completed[path]:
                continue
            inside = [other for other in values if other.startswith(path + ".")]
            # What an axis below it sets is not part of this axis's own value.
            own = {other: value for other, value in values.items() if other not in inside}
            complete = self._completion.complete(own) if inside else config
            self._completed[path][coordinate] = read(complete, path)

    def _first_values(self) -> dict[str, Any]:
        """The first value of each axis that has one at every point; of those that are not refused."""
        conditional, found = self._dependencies.conditional, {}
        for axis in self._axes:
            good = (at for at in _probes(axis) if (axis.path, at) not in self._refused)
            if axis.path not in conditional and (at := next(good, None)) is not None:
                found[axis.path] = axis.as_written(at)
        return found


def _probes(axis: Axis) -> list[Coordinate]:
    """Where an axis is tried: at every value of a list, at three or four of a range."""
    if isinstance(axis, ListedAxis):
        return list(range(axis.size))
    size = axis.size
    if size is None:
        return [axis.at(share) for share in (0.0, INSIDE, 1.0)]
    return sorted({0, 1, int(size * INSIDE), size - 1})  # the second shows whether steps are integers


def _completed(axis: Axis, row: bool, completed: Mapping[Coordinate, Any]) -> Axis:
    """The axis with its kind and its completed values; values that no point can have stay as written."""
    if isinstance(axis, ListedAxis):
        values = [completed.get(index, value) for index, value in enumerate(axis.values)]
        return axis.model_copy(update={"row": row, "values": values})
    return _completed_range(axis, row, list(completed.values()))


def _check_numbers(axis: Axis, spec: Spec) -> None:
    """Refuse a plain list of numbers where each value is a list: it could be one value, or several."""
    form = spec.space.get(axis.name)
    if not isinstance(form, list) or len(form) < 2 or not isinstance(axis, ListedAxis):
        return
    if all(isinstance(value, list) for value in axis.values) and not any(
        isinstance(value, list | str) for value in form
    ):
        detail = (
            f"axis {axis.name!r} has lists as values, so {form} could be one of them or {len(form)}; write "
            f"[{form}] for this one list, {{choice: {form}}} for {len(form)} of one number each"
        )
        raise SpecError([Problem(pointer("space", axis.name), detail)])


def _completed_range(axis: RangeAxis, row: bool, probes: list[Any]) -> RangeAxis:
    path = axis.path
    if probes and isinstance(probes[0], Mapping):
        # Under the axis train.l2 stands {strength: …}: the range is the range of what changes in it.
        leaves = [key for key in probes[0] if any(probe[key] != probes[0][key] for probe in probes)]
        if len(leaves) == 1:
            probes = [probe[leaves[0]] for probe in probes]
            path = f"{axis.path}.{leaves[0]}"
    if not all(isinstance(probe, int | float) for probe in probes):
        instead = "give a list"
        if all(isinstance(probe, list) for probe in probes):
            instead += f", or a step that leaves at most {MAX_LISTED_VALUES:,} values"
        detail = f"axis {axis.name!r} takes no range, because its values are not numbers; {instead}"
        raise SpecError([Problem(pointer("space", axis.name), detail)])
    whole = all(isinstance(probe, int) for probe in probes)
    return axis.model_copy(update={"path": path, "row": row, "whole": whole})
