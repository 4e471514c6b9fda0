"""Step 3, tie. In: axes under their paths. Out: how they depend on one another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from graphlib import CycleError
from typing import Any

from services.domain.errors import nearest, pointer
from services.domain.plan.axis import Axis, ListedAxis, RangeAxis
from services.domain.plan.dependencies import AxisCondition, Dependencies
from services.domain.planning.problems import Problems
from services.domain.planning.read import WrittenAxis
from services.domain.spec.constraint import Constraint, ConstraintError
from services.domain.spec.names import entry_name, full_path, matches, plain
from services.domain.spec.spec import Spec

TRUTHS = {"true": "yes", "on": "yes", "false": "no", "off": "no"}  # what YAML reads as yes and no
SHOWN_VALUES = 10  # of an axis, in a refusal


def tie_axes(
    spec: Spec, written: Sequence[WrittenAxis], axes: Sequence[Axis], problems: Problems
) -> tuple[list[Axis], Dependencies]:
    """Read zips, conditions and constraints, and refuse each that cannot be, at its place.

    Returns the axes without those whose conditions cannot be read, and how they depend on one another.
    """
    reader = _Reader(axes, problems)
    zips = reader.zips(spec.zip)
    conditions = reader.conditions(written)
    constraints, aliases = reader.constraints(spec.constraints)
    kept = [axis for axis in axes if axis.name not in problems.left_out]
    paths = {axis.path for axis in kept}
    found = Dependencies(
        zips=[zipped for zipped in zips if paths.issuperset(zipped)],
        conditions=[one for one in conditions if one.axis in paths],
        constraints=[text for text in constraints if paths.issuperset(constraints[text])],
        aliases={name: path for name, path in aliases.items() if path in paths},
    )
    try:
        found.order([axis.path for axis in kept])
    except CycleError:
        detail = "the conditions of some axes form a circle: an axis would depend on itself through others"
        problems.add("/space", detail)
        problems.raise_any()
    return kept, found


class _Reader:
    """Finds axes by the names that the user gave them, or by ends of their paths."""

    def __init__(self, axes: Sequence[Axis], problems: Problems) -> None:
        self._by_name = {axis.name: axis for axis in axes}
        self._by_path = {axis.path: axis for axis in axes}
        self._problems = problems

    def zips(self, zips: Sequence[Sequence[str]]) -> list[list[str]]:
        """The paths of axes that advance together."""
        found: list[list[str]] = []
        for index, names in enumerate(zips):
            place = pointer("zip", index)
            axes: list[Axis] = []
            for name in names:
                if (axis := self._axis(name, place)) is None:
                    break
                axes.append(axis)
            else:
                if detail := _zip_fault(axes, found):
                    self._refuse(place, detail)
                else:
                    found.append([axis.path for axis in axes])
        return found

    def conditions(self, written: Sequence[WrittenAxis]) -> list[AxisCondition]:
        """What `when` says, with values as their indices."""
        found = []
        for axis in written:
            if axis.name not in self._by_name:
                continue
            path = self._by_name[axis.name].path
            for name, wanted in axis.when.items():
                place = pointer("space", axis.name, "when", name)
                on = self._axis(name, place)
                indices = None if on is None else self._wanted(path, on, name, wanted, place)
                if on is None or indices is None:
                    self._problems.left_out.add(axis.name)
                    self._problems.untied = True
                    continue
                found.append(AxisCondition(axis=path, on=on.path, indices=indices))
        # An axis that depends on one without a value has none itself.
        while lost := {one.axis for one in found if self._by_path[one.on].name in self._problems.left_out}:
            self._problems.left_out |= {self._by_path[path].name for path in lost}
            found = [one for one in found if one.axis not in lost]
        return found

    def constraints(self, constraints: Sequence[str]) -> tuple[dict[str, list[str]], dict[str, str]]:
        """The paths of the axes that each constraint names, and those paths by the names that they use."""
        paths: dict[str, list[str]] = {}
        aliases: dict[str, str] = {}
        for index, text in enumerate(constraints):
            place, before = pointer("constraints", index), len(self._problems.found)
            try:
                constraint = Constraint.read(text)
            except ConstraintError as error:
                self._refuse(place, str(error))
                continue
            axes = {name: axis for name in sorted(constraint.names) if (axis := self._axis(name, place))}
            for name, value in constraint.wanted():
                if name in axes and (detail := _never_equal(axes[name], name, value)):
                    self._refuse(place, detail)
            for pair in constraint.compared_axes():
                if axes.keys() >= set(pair) and (detail := _never_alike(*(axes[name] for name in pair))):
                    self._refuse(place, detail)
            if len(axes) == len(constraint.names) and len(self._problems.found) == before:
                paths[text] = [axis.path for axis in axes.values()]
                aliases |= {name: axis.path for name, axis in axes.items()}
        return paths, aliases

    def _refuse(self, place: str, detail: str) -> None:
        self._problems.add(place, detail)
        self._problems.untied = True

    def _axis(self, name: str, place: str) -> Axis | None:
        """The axis of that name; None, and a problem, if there is none."""
        if name in self._by_name:
            return self._by_name[name]
        path = full_path(name, self._by_path)
        if path is not None:
            return self._by_path[path]
        if self._problems.leaves_out(name):
            self._problems.untied = True
        else:
            near = nearest(name, [*self._by_name, *self._by_path])
            hint = self._as_text(name) or f".{near}"
            self._refuse(place, f"{name} is not an axis of the space{hint}")
        return None

    def _as_text(self, name: str) -> str:
        """The hint for a word without quotes that is a value of an axis; empty for any other."""
        text = TRUTHS.get(name.lower(), name)
        listed = [axis for axis in self._by_name.values() if isinstance(axis, ListedAxis)]
        having = [axis.name for axis in listed if any(matches(value, text) for value in axis.values)]
        return f' but a value of {having[0]}: put it in quotes, "{text}"' if having else ""

    def _wanted(self, path: str, on: Axis, name: str, wanted: Sequence[Any], place: str) -> list[int] | None:
        """The indices of the wanted values; None, and a problem, where there can be none."""
        if on.path == path:
            self._refuse(place, "an axis cannot depend on itself")
            return None
        if not isinstance(on, ListedAxis):
            detail = f"a condition needs an axis with listed values, but {name} is a range"
            self._refuse(place, detail)
            return None
        unmatched = [one for one in wanted if not any(matches(value, one) for value in on.values)]
        if unmatched or not wanted:
            what = repr(unmatched[0]) if unmatched else "an empty list"
            self._refuse(place, f"{what} is not a value of {name}, which has {_shown(on)}")
        return [index for index, value in enumerate(on.values) if any(matches(value, one) for one in wanted)]


def _never_equal(axis: Axis, name: str, value: Any) -> str | None:
    """Why comparing an axis with a value has the same answer everywhere; None if it has not."""
    if isinstance(axis, RangeAxis):
        if isinstance(plain(value), str):
            return f"{name} is a range of numbers and never {value!r}"
        return None
    if any(matches(each, value) for each in axis.values):
        return None
    near = nearest(value, [str(plain(each)) for each in axis.values]) if isinstance(value, str) else ""
    return f"{value!r} is not a value of {name}, which has {_shown(axis)}.{near}"


def _never_alike(one: Axis, other: Axis) -> str | None:
    """Why two axes are compared in vain; None if they can have the same value."""
    if not isinstance(one, ListedAxis) or not isinstance(other, ListedAxis):
        return None
    if any(plain(a) == plain(b) for a in one.values for b in other.values):
        return None
    has = f"{one.name} has {_shown(one)}; {other.name} has {_shown(other)}"
    return f"{one.name} and {other.name} have no value in common: {has}"


def _shown(axis: ListedAxis) -> str:
    more = ", …" if axis.size > SHOWN_VALUES else ""
    return ", ".join(repr(entry_name(value)) for value in axis.values[:SHOWN_VALUES]) + more


def _zip_fault(axes: Sequence[Axis], earlier: Sequence[Sequence[str]]) -> str | None:
    """Why these axes cannot be zipped."""
    if len({axis.path for axis in axes}) < len(axes):
        return "an axis is zipped with itself"
    if any(axis.path in zipped for axis in axes for zipped in earlier):
        return "an axis can be in one zip only; put all axes of it into one list"
    listed = [axis for axis in axes if isinstance(axis, ListedAxis)]
    if len(listed) < len(axes):
        return "only axes with listed values can be zipped, not ranges"
    sizes: Mapping[str, int] = {axis.name: axis.size for axis in listed}
    if len(set(sizes.values())) > 1:
        got = ", ".join(f"{name} has {size}" for name, size in sizes.items())
        return f"zipped axes must have equally many values; {got}"
    return None
