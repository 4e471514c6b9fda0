"""The space of a spec: names written out as paths, ties read, every value checked by the catalog."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from services.domain.config import Config, read, related
from services.domain.errors import Problem, SpecError, pointer
from services.domain.plan.plan import Axis
from services.domain.plan.ties import Assignment, CycleError, Pick, Ties
from services.domain.planning.axis_paths import full_paths
from services.domain.planning.catalog import Catalog, ConfigFault
from services.domain.planning.completion import Completion, problem_at
from services.domain.planning.ties_reader import read_ties
from services.domain.spec import axis_forms as forms
from services.domain.spec.constraint import ConstraintError
from services.domain.spec.spec import Spec

MAX_VALUES = 1000  # of one axis that lists them
MAX_CHOICES = 5000  # of axes that depend on one another, each of which is resolved at submit
INSIDE = 0.381966  # where inside a range, besides its ends, it is tried: at no round number


@dataclass(frozen=True)
class Space:
    """A spec's axes as they are before they are sorted; `row` and completed values come with `checked`."""

    spec: Spec
    catalog: Catalog
    axes: list[Axis]
    ties: Ties
    names: dict[str, str]  # path → the user's own name
    completion: Completion

    @classmethod
    def read(cls, spec: Spec, catalog: Catalog) -> Space:
        """Read the axes and what ties them; `SpecError` for names, values and ties that cannot be."""
        _check_values(spec)
        completion = Completion(spec, catalog)
        paths = full_paths(spec, catalog, completion)
        axes = [_axis(name, paths[name], written) for name, written in spec.space.items()]
        ties = read_ties(spec, axes)
        try:
            ties.order([axis.path for axis in axes])
        except CycleError:
            detail = "the conditions of some axes lead back to themselves; an axis can depend only on others"
            raise SpecError([Problem("/space", detail)]) from None
        return cls(spec, catalog, axes, ties, {path: name for name, path in paths.items()}, completion)

    @property
    def tied(self) -> bool:
        """Whether the number of points is not simply the product of the axes' sizes."""
        return bool(self.ties.zips or self.ties.conditions or self.ties.constraints)

    def complete(self, choices: Mapping[str, Any]) -> Config:
        """The spec's config with these choices, resolved level by level."""
        return self.completion(choices)

    def checked(self) -> list[Axis]:
        """Resolve every choice of every axis, with all choices of the axes it depends on.

        Of a range its ends and a number inside are tried: what the catalog allows is an interval.
        """
        problems: list[Problem] = []
        found: dict[str, Axis] = {}
        for family in self._families():
            found |= self._check(family, problems)
        if problems:
            raise SpecError(problems)
        axes = [found[axis.path] for axis in self.axes]
        for index, axis in enumerate(axes):
            if axis.path in [other.path for other in axes[:index]]:
                raise SpecError([Problem(pointer("space", axis.name), f"{axis.path} is swept twice")])
            values = axis.values or []
            if any(_same(v, w) for i, v in enumerate(values) for w in values[:i]):
                detail = "two values of this axis mean the same once completed"
                raise SpecError([Problem(pointer("space", axis.name), detail)])
        return axes

    def _families(self) -> Iterator[list[Axis]]:
        """Axes whose values can depend on one another: tied, or one path inside the other."""
        left = self.ties.groups([axis.path for axis in self.axes])
        by_path = {axis.path: axis for axis in self.axes}
        while left:
            family = left.pop(0)
            while near := [g for g in left if any(related(a, b) for a in g for b in family)]:
                family = family + [path for group in near for path in group]
                left = [group for group in left if group not in near]
            yield [by_path[path] for path in sorted(family, key=lambda path: path.count("."))]

    def _check(self, family: Sequence[Axis], problems: list[Problem]) -> dict[str, Axis]:
        """Try every combination of a family's values, and complete them."""
        candidates = {axis.path: self._probes(axis) for axis in family}
        leaders = {self.ties.leader(path) for path in candidates}
        if prod(len(candidates[path]) for path in leaders) > MAX_CHOICES:
            candidates = {path: picks[:1] + picks[-1:] for path, picks in candidates.items()}
            detail = f"{' and '.join(candidates)} depend on one another and have more than {MAX_CHOICES}"
            if prod(len(candidates[path]) for path in leaders) > MAX_CHOICES or _nested(candidates):
                raise SpecError([Problem("/space", f"{detail} choices together")])
            return self._check_apart(family, problems)
        rows = dict.fromkeys(candidates, True)
        done: dict[str, dict[Pick, Any]] = {path: {} for path in candidates}
        others = {a.path: a.given(first(a)) for a in self._unconditional() if a.path not in candidates}
        by_path = {axis.path: axis for axis in family}
        for picks in self.ties.combinations(list(candidates), candidates):
            given = {path: by_path[path].given(pick) for path, pick in picks.items()}
            try:
                if not self.ties.met(given):
                    continue
            except ConstraintError as error:
                raise SpecError([Problem("/constraints", str(error))]) from None
            self._try(others | given, picks, rows, done, problems)
        return {} if problems else {a.path: _completed(a, rows[a.path], done[a.path]) for a in family}

    def _check_apart(self, family: Sequence[Axis], problems: list[Problem]) -> dict[str, Axis]:
        """Axes that are tied by constraints only, too many to combine: each by itself."""
        found: dict[str, Axis] = {}
        others = {axis.path: axis.given(first(axis)) for axis in self._unconditional()}
        for axis in family:
            rows, done = {axis.path: True}, {axis.path: dict[Pick, Any]()}
            for pick in self._probes(axis):
                self._try(others | {axis.path: axis.given(pick)}, {axis.path: pick}, rows, done, problems)
            if not problems:
                found[axis.path] = _completed(axis, rows[axis.path], done[axis.path])
        return found

    def _try(
        self,
        given: Mapping[str, Any],
        picks: Assignment,
        rows: dict[str, bool],
        done: dict[str, dict[Pick, Any]],
        problems: list[Problem],
    ) -> None:
        """Resolve one combination; note of each axis whether it is a row's own, and its completed value."""
        try:
            config = self.complete(given)
            for path, pick in picks.items():
                rows[path] &= self.catalog.is_row(config, path)
                if pick in done[path]:
                    continue
                inside = [other for other in given if other.startswith(path + ".")]
                # What an axis below it sets is not part of this axis's own value.
                own = {other: value for other, value in given.items() if other not in inside}
                done[path][pick] = read(self.complete(own) if inside else config, path)
        except ConfigFault as fault:
            counted = {path: pick for path, pick in picks.items() if isinstance(pick, int)}
            problem = problem_at(fault, self.names, self.spec.space, given, counted)
            if problem.pointer not in [other.pointer for other in problems]:
                problems.append(problem)

    def _unconditional(self) -> list[Axis]:
        conditional = {condition.axis for condition in self.ties.conditions}
        return [axis for axis in self.axes if axis.path not in conditional]

    def _probes(self, axis: Axis) -> list[Pick]:
        """The picks at which an axis is tried: all of a list, three or four of a range."""
        if axis.values is not None:
            return list(range(len(axis.values)))
        size = axis.size
        if size is None:
            return [axis.number(share) for share in (0.0, INSIDE, 1.0)]
        return sorted({0, 1, int(size * INSIDE), size - 1})  # the second tells whether steps are integers


def first(axis: Axis) -> Pick:
    """The first pick of an axis."""
    return 0 if axis.size is not None else axis.number(0.0)


def _axis(name: str, path: str, written: Any) -> Axis:
    """An axis whose values are still as the user wrote them; a short range with steps is a list."""
    values = forms.choices(written)
    if values is not None:
        return Axis(name=name, path=path, row=False, values=values, written=values)
    match written:
        case forms.IntRange(int=(low, high), step=step):
            axis = Axis(
                name=name, path=path, row=False, values=None, low=low, high=high, step=step, whole=True
            )
        case forms.LogUniform(log_uniform=(start, end), step=factor):
            axis = Axis(
                name=name, path=path, row=False, values=None, low=start, high=end, step=factor, log=True
            )
        case forms.Uniform(uniform=(start, end), step=step):
            axis = Axis(name=name, path=path, row=False, values=None, low=start, high=end, step=step)
    if axis.size is None or axis.size > MAX_VALUES:
        return axis
    values = [axis.value(index) for index in range(axis.size)]
    return Axis(name=name, path=path, row=False, values=values, written=values)


def _completed(axis: Axis, row: bool, done: Mapping[Pick, Any]) -> Axis:
    """The axis with its kind and its completed values; values no point can have stay as written."""
    if axis.values is not None:
        values = [done.get(index, axis.values[index]) for index in range(len(axis.values))]
        return axis.model_copy(update={"row": row, "values": values})
    probes = list(done.values())
    if probes and isinstance(probes[0], Mapping):
        # Under the axis train.l2 stands {strength: …}: the range is the range of what changes in it.
        leaves = [key for key in probes[0] if any(probe[key] != probes[0][key] for probe in probes)]
        if len(leaves) == 1:
            probes = [probe[leaves[0]] for probe in probes]
            axis = axis.model_copy(update={"path": f"{axis.path}.{leaves[0]}"})
    if not all(isinstance(probe, int | float) for probe in probes):
        detail = f"axis {axis.name!r} takes no range, because its values are no numbers; give a list"
        raise SpecError([Problem(pointer("space", axis.name), detail)])
    whole = all(isinstance(probe, int) for probe in probes)
    return axis.model_copy(update={"row": row, "whole": whole})


def _check_values(spec: Spec) -> None:
    """Refuse empty axes, values given twice, and lists too long to be looked at."""
    problems = []
    for name, written in spec.space.items():
        at, values = pointer("space", name), forms.choices(written)
        if values is None:
            continue
        if not values:
            problems.append(Problem(at, f"axis {name!r} has no values; give a list of at least one"))
        if len(values) > MAX_VALUES:
            problems.append(Problem(at, f"axis {name!r} has {len(values)} values; the most is {MAX_VALUES}"))
            continue
        repeated = next((v for i, v in enumerate(values) if any(_same(v, w) for w in values[:i])), None)
        if repeated is not None:
            problems.append(Problem(at, f"axis {name!r} has the value {repeated!r} twice"))
    if problems:
        raise SpecError(problems)


def _nested(paths: Mapping[str, Any]) -> bool:
    return any(a != b and related(a, b) for a in paths for b in paths)


def _same(a: Any, b: Any) -> bool:
    return type(a) is type(b) and bool(a == b)
