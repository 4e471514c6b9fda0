"""Step 2, name. In: axes as written. Out: axes under the full paths of hyperparameters, values as written."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from services.domain.errors import Problem, SpecError, pointer
from services.domain.plan.axis import Axis, ListedAxis, RangeAxis
from services.domain.planning.catalog import ConfigFault
from services.domain.planning.completion import Completion
from services.domain.planning.limits import MAX_LISTED_VALUES, MAX_NAMED_CONFIGS
from services.domain.planning.read import WrittenAxis
from services.domain.planning.unknown_name import UnknownNames
from services.domain.spec import axis_forms
from services.domain.spec.names import full_path, matches, paths_named


def name_axes(written: Sequence[WrittenAxis], completion: Completion) -> list[Axis]:
    """Find the path of each axis in the configs that there are; `SpecError` if it has none, or several."""
    categories = _categories(written)
    first = {
        axis.name: categories[axis.name][0] for axis in written if axis.name in categories and not axis.when
    }
    known = _known_paths(written, categories, first, completion)
    unknown = UnknownNames(categories, first, sorted(known), completion)
    found: dict[str, WrittenAxis] = {}
    problems = []
    for axis in written:
        place, said = pointer("space", axis.name), f"axis {axis.name!r}"
        paths = paths_named(axis.name, known)
        if len(paths) != 1:
            why = f"could be any of {', '.join(paths)}" if paths else unknown.why(axis.name)
            problems.append(Problem(place, f"{said} {why}"))
            continue
        [path] = paths
        if path.endswith(".name"):
            entry = path.removesuffix(".name")
            detail = f"is the name of an entry, which decides its hyperparameters; write the axis {entry}"
            problems.append(Problem(place, f"{said} {detail}"))
        if path in found:
            problems.append(Problem(place, f"{path} is swept twice"))
        found.setdefault(path, axis)
    if problems:
        raise SpecError(problems)
    return [_axis(axis, path) for path, axis in found.items()]


def _categories(written: Sequence[WrittenAxis]) -> dict[str, list[Any]]:
    """The values of axes of texts or objects, which decide what paths there are.

    Of values that differ in numbers only, the first.
    """
    found: dict[str, list[Any]] = {}
    for axis in written:
        values, is_path = axis.values, "." in axis.name or axis.name in ("model", "data")
        if values and isinstance(values[0], str | dict) and is_path:
            distinct: dict[str, Any] = {}
            for value in values:
                distinct.setdefault(json.dumps(_without_numbers(value)), value)
            found[axis.name] = list(distinct.values())
    return found


def _without_numbers(value: Any) -> Any:
    """A value without its numbers: no path depends on them."""
    if isinstance(value, Mapping):
        return {key: _without_numbers(inner) for key, inner in value.items()}
    return value if isinstance(value, str) else None


def _known_paths(
    written: Sequence[WrittenAxis],
    categories: Mapping[str, Sequence[Any]],
    first: Mapping[str, Any],
    completion: Completion,
) -> set[str]:
    """Every path of the config with the first values, and of those that the conditions name."""
    try:
        known = set(completion.catalog.paths(completion.complete(first)))
    except ConfigFault as fault:
        names = {name: name for name in first}
        problem = completion.problem(fault, names, first, dict.fromkeys(first, 0))
        raise SpecError([problem]) from None
    seen: set[str] = set()
    for values in _conditional_values(written, categories, first):
        key = json.dumps(values, sort_keys=True)
        if key in seen:
            continue
        seen.add(key)
        if len(seen) > MAX_NAMED_CONFIGS:
            detail = f"the conditions name more than {MAX_NAMED_CONFIGS} entries; shorten these axes"
            raise SpecError([Problem("/space", detail)])
        try:
            known |= set(completion.catalog.paths(completion.complete(values)))
        except ConfigFault:  # refused at its place when every value is checked
            continue
    return known


def _conditional_values(
    written: Sequence[WrittenAxis], categories: Mapping[str, Sequence[Any]], first: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    """For each axis with conditions: values of other axes with which it exists, each of them once."""
    axes = {axis.name: axis for axis in written}
    for axis in written:
        if not axis.when:
            continue
        needed: dict[str, list[Any]] = {}
        _collect_needed(axis, axes, categories, needed)
        if axis.name in categories:
            needed[axis.name] = list(categories[axis.name][:1])
        start = {**first, **{name: values[0] for name, values in needed.items()}}
        yield start
        for name, values in needed.items():
            yield from ({**start, name: value} for value in values[1:])


def _collect_needed(
    axis: WrittenAxis,
    axes: Mapping[str, WrittenAxis],
    categories: Mapping[str, Sequence[Any]],
    needed: dict[str, list[Any]],
) -> None:
    """Collect the values that an axis's conditions name, and those that the axes of these values need."""
    for name, wanted in axis.when.items():
        other = full_path(name, categories)
        if other is None or other in needed or other == axis.name:
            continue
        named = [value for value in categories[other] if any(matches(value, one) for one in wanted)]
        if named:
            needed[other] = named
            _collect_needed(axes[other], axes, categories, needed)


def _axis(written: WrittenAxis, path: str) -> Axis:
    """An axis whose values are still as the user wrote them; a short range with steps becomes a list."""
    name, values = written.name, written.values
    if values is None:
        axis = _range(written, path)
        if axis.size is None or axis.size > MAX_LISTED_VALUES:
            return axis
        values = [axis.value(index) for index in range(axis.size)]
    return ListedAxis(name=name, path=path, row=False, values=values, written=values)


def _range(written: WrittenAxis, path: str) -> RangeAxis:
    name = written.name
    match written.form:
        case axis_forms.IntRange(int=(low, high), step=step):
            return RangeAxis(name=name, path=path, row=False, low=low, high=high, step=step, whole=True)
        case axis_forms.LogUniform(log_uniform=(start, end), step=factor):
            return RangeAxis(name=name, path=path, row=False, low=start, high=end, step=factor, log=True)
        case axis_forms.Uniform(uniform=(start, end), step=addend):
            return RangeAxis(name=name, path=path, row=False, low=start, high=end, step=addend)
    raise TypeError(f"no range: {written.form!r}")
