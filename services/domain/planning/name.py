"""Step 2, name. In: axes as written. Out: axes under the full paths of hyperparameters, values as written."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from services.domain.config import Config, read
from services.domain.errors import Problem, SpecError, pointer
from services.domain.plan.axis import Axis, ListedAxis, RangeAxis
from services.domain.planning.catalog import ConfigFault
from services.domain.planning.completion import Completion, set_by
from services.domain.planning.limits import MAX_LISTED_VALUES, MAX_NAMED_CONFIGS
from services.domain.planning.problems import Problems
from services.domain.planning.read import WrittenAxis
from services.domain.planning.unknown_name import UnknownNames
from services.domain.spec import axis_forms
from services.domain.spec.names import full_path, matches, paths_named


def name_axes(
    written: Sequence[WrittenAxis], completion: Completion, problems: Problems
) -> tuple[list[Axis], Completion]:
    """Find the path of each axis in the configs that there are; refuse one that has none, or several.

    Returns the axes that have one, and the completion without what is wrong in the spec's own sections.
    """
    categories = _categories(written)
    first = {
        axis.name: categories[axis.name][0] for axis in written if axis.name in categories and not axis.when
    }
    mended = _without_faults(written, categories, first, completion, problems)
    if mended is None:
        problems.left_out |= {axis.name for axis in written}
        return [], completion
    written = [axis for axis in written if axis.name not in problems.left_out]
    known = _known_paths(written, categories, first, mended)
    unknown = UnknownNames(categories, first, sorted(known), mended)
    found: dict[str, WrittenAxis] = {}
    for axis in written:
        paths, place = paths_named(axis.name, known), pointer("space", axis.name)
        fault = _fault(axis.name, paths, unknown) or _twice(paths[0], found)
        if fault and not paths and problems.unread:
            problems.add_unless_others(place, fault, axis=axis.name)
        elif fault:
            problems.add(place, fault, axis=axis.name)
        else:
            found[paths[0]] = axis
    problems.paths |= {axis.name: path for path, axis in found.items()}
    return [_axis(axis, path) for path, axis in found.items()], mended


def _fault(name: str, paths: Sequence[str], unknown: UnknownNames) -> str | None:
    """Why an axis of this name, which is the end of these paths, cannot be."""
    if not paths:
        return f"axis {name!r} {unknown.why(name)}"
    if len(paths) > 1:
        return f"axis {name!r} could be any of {', '.join(paths)}"
    entry = paths[0].removesuffix(".name")
    if entry != paths[0]:
        why = "is the name of an entry, which decides its hyperparameters"
        return f"axis {name!r} {why}; write the axis {entry}"
    return None


def _twice(path: str, found: Mapping[str, WrittenAxis]) -> str | None:
    return f"{path} is swept twice" if path in found else None


def _without_faults(
    written: Sequence[WrittenAxis],
    categories: dict[str, list[Any]],
    first: dict[str, Any],
    completion: Completion,
    problems: Problems,
) -> Completion | None:
    """Refuse what is wrong in the config with the first values, and take it away until the rest is right.

    A wrong value of an axis gives way to the next one, in `categories` and `first`. None where nothing can
    be taken away, as of a model that does not exist.
    """
    values, names = {axis.name: axis.values or [] for axis in written}, {name: name for name in first}
    removed, seen = set[str](), set[tuple[str | None, str]]()
    pending: dict[str, list[Problem]] = {}
    for _ in range(MAX_NAMED_CONFIGS):
        try:
            paths = completion.catalog.paths(completion.complete(first))
        except ConfigFault as error:
            faults = [(fault, set_by(fault, first)) for fault in error.all]
        else:
            problems.unread |= any(f"{path}.name" in paths for path in removed)
            return completion
        at = {name: _index(values[name], value) for name, value in first.items()}
        for fault, axis in faults:
            problem = completion.problem(fault, names, first, at)
            if axis is None:
                problems.extend([problem])
            elif (axis, fault.detail) not in seen:
                pending.setdefault(axis, []).append(problem)
        for axis in {axis for _, axis in faults if axis is not None}:
            # A fault that the value before had too lies in the axis.
            repeated = all((axis, fault.detail) in seen for fault, by in faults if by == axis)
            if not _take_next_value(axis, categories, first, last=repeated):
                problems.left_out.add(axis)
                problems.extend(pending[axis])
            problems.unread = True
        seen |= {(axis, fault.detail) for fault, axis in faults}
        sections = completion.spec.sections()
        place = {_written_place(sections, fault.path) for fault, axis in faults if axis is None}
        if "" in place:
            return None
        removed |= place
        completion = completion.without(place)
    return None


def _index(values: Sequence[Any], value: Any) -> int:
    return next(index for index, each in enumerate(values) if each is value)


def _take_next_value(
    axis: str, categories: dict[str, list[Any]], first: dict[str, Any], *, last: bool
) -> bool:
    """Whether there is one; else the axis is taken away. The wrong value is refused when all are checked."""
    del categories[axis][0]
    if categories[axis] and not last:
        first[axis] = categories[axis][0]
        return True
    del categories[axis], first[axis]
    return False


def _written_place(sections: Config, path: str) -> str:
    """The deepest field of a section that holds what is at a path; empty if the user wrote none."""
    parts = path.split(".")
    for length in range(len(parts), 1, -1):
        place = ".".join(parts[:length])
        with suppress(KeyError):
            read(sections, place)
            return place
    return ""


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
    known = set(completion.catalog.paths(completion.complete(first)))
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
        case axis_forms.IntRange(int=(low, high), step=step, log=log):
            return RangeAxis(
                name=name, path=path, row=False, low=low, high=high, step=step, log=log, whole=True
            )
        case axis_forms.LogUniform(log_uniform=(start, end), step=factor):
            return RangeAxis(name=name, path=path, row=False, low=start, high=end, step=factor, log=True)
        case axis_forms.Uniform(uniform=(start, end), step=addend):
            return RangeAxis(name=name, path=path, row=False, low=start, high=end, step=addend)
    raise TypeError(f"no range: {written.form!r}")
