"""Zips, conditions and constraints as the user wrote them, turned into ties between paths."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from services.domain.errors import Problem, SpecError, nearest, pointer
from services.domain.plan.plan import Axis
from services.domain.plan.ties import Condition, Ties
from services.domain.spec import axis_forms as forms
from services.domain.spec.constraint import Constraint, ConstraintError
from services.domain.spec.spec import Spec


def read_ties(spec: Spec, axes: Sequence[Axis]) -> Ties:
    """All ties of a spec; `SpecError` points at each that cannot be."""
    problems: list[Problem] = []
    known = {axis.name: axis for axis in axes} | {axis.path: axis for axis in axes}
    zips = _zips(spec, known, problems)
    conditions = _conditions(spec, known, problems)
    aliases: dict[str, str] = {}
    for index, text in enumerate(spec.constraints):
        try:
            names = Constraint.read(text).names
        except ConstraintError as error:
            problems.append(Problem(pointer("constraints", index), str(error)))
            continue
        for name in sorted(names):
            axis = known.get(name) or _ending(name, known)
            if axis is None:
                detail = f"{name} is no axis of the space.{nearest(name, known)}"
                problems.append(Problem(pointer("constraints", index), detail))
            else:
                aliases[name] = axis.path
    if problems:
        raise SpecError(problems)
    return Ties(zips=zips, conditions=conditions, constraints=list(spec.constraints), aliases=aliases)


def _zips(spec: Spec, known: Mapping[str, Axis], problems: list[Problem]) -> list[list[str]]:
    found: list[list[str]] = []
    for index, names in enumerate(spec.zip):
        at = pointer("zip", index)
        axes = [axis for name in names if (axis := known.get(name) or _ending(name, known))]
        missing = [name for name in names if not (known.get(name) or _ending(name, known))]
        sizes = {axis.name: axis.values and len(axis.values) for axis in axes}
        if missing:
            problems.append(Problem(at, f"{missing[0]} is no axis of the space.{nearest(missing[0], known)}"))
        elif len({axis.path for axis in axes}) < len(axes):
            problems.append(Problem(at, "an axis is zipped with itself"))
        elif any(axis.path in zipped for axis in axes for zipped in found):
            problems.append(Problem(at, "an axis can be in one zip only; put all axes of it into one list"))
        elif None in sizes.values():
            problems.append(Problem(at, "only axes with listed values can be zipped, not ranges"))
        elif len(set(sizes.values())) > 1:
            told = ", ".join(f"{name} has {size}" for name, size in sizes.items())
            problems.append(Problem(at, f"zipped axes must have equally many values; {told}"))
        else:
            found.append([axis.path for axis in axes])
    return found


def _conditions(spec: Spec, known: Mapping[str, Axis], problems: list[Problem]) -> list[Condition]:
    found = []
    for name, written in spec.space.items():
        wanted = written.conditions() if isinstance(written, forms.Conditional) else {}
        for other, values in wanted.items():
            at = pointer("space", name, "when", other)
            on = known.get(other) or _ending(other, known)
            if on is None:
                problems.append(Problem(at, f"{other} is no axis of the space.{nearest(other, known)}"))
            elif on.path == known[name].path:
                problems.append(Problem(at, "an axis cannot depend on itself"))
            elif on.values is None:
                problems.append(
                    Problem(at, f"a condition needs an axis with listed values; {other} is a range")
                )
            else:
                picks = [i for i, value in enumerate(on.values) if any(matches(value, w) for w in values)]
                strays = [w for w in values if not any(matches(value, w) for value in on.values)]
                if strays or not picks:
                    told = ", ".join(repr(_short(value)) for value in on.values[:10])
                    what = repr(strays[0]) if strays else "an empty list"
                    problems.append(Problem(at, f"{what} is no value of {other}, which has {told}"))
                found.append(Condition(axis=known[name].path, on=on.path, picks=picks))
    return found


def matches(value: Any, wanted: Any) -> bool:
    """Whether a choice is the wanted one: equal, or an entry with that name, or with all that is wanted."""
    if isinstance(wanted, Mapping):
        whole = value if isinstance(value, Mapping) else {"name": value}
        return all(key in whole and whole[key] == part for key, part in wanted.items())
    plain = _short(value)
    return isinstance(plain, bool) == isinstance(wanted, bool) and bool(plain == wanted)


def _short(value: Any) -> Any:
    return value.get("name", value) if isinstance(value, Mapping) else value


def _ending(name: str, known: Mapping[str, Axis]) -> Axis | None:
    """The one axis whose path ends so."""
    found = {axis.path: axis for axis in known.values() if axis.path.endswith(f".{name}")}
    return next(iter(found.values())) if len(found) == 1 else None
