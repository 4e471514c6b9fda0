"""Step 1, read. In: a spec. Out: its axes as written, each with its listed values and its conditions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from services.domain import search
from services.domain.errors import SpecError, pointer
from services.domain.planning.limits import MAX_AXES, MAX_LISTED_VALUES, check_budget, check_one_point
from services.domain.planning.problems import Problems
from services.domain.search import AskedSearch
from services.domain.spec import axis_forms
from services.domain.spec.spec import Spec

MAX_SHOWN_NUMBERS = 5  # of a list that may be one value


@dataclass(frozen=True)
class WrittenAxis:
    """An axis as the user wrote it; `values` are None for a range, `when` has the conditions."""

    name: str
    form: Any
    values: list[Any] | None
    when: dict[str, list[Any]]


def read_axes(spec: Spec, problems: Problems) -> list[WrittenAxis]:
    """Read the axes; refuse an unknown search, no `max_trials`, and lists that cannot be an axis."""
    try:
        method = search.get(spec.search)
        if method.needs_max_trials and not problems.uncounted:
            check_budget(spec)
        if not problems.uncounted:
            check_one_point(spec)
        if isinstance(method, AskedSearch):
            if uninstalled := method.missing():
                problems.add("/search", f"search: {spec.search} {uninstalled}")
        elif spec.warm_start:
            known = ", ".join(search.asked_names())
            why = f"search: {spec.search} looks at no results; choose one of {known}, or leave it out"
            problems.add("/warm_start", why)
    except SpecError as error:
        problems.extend(error.problems)
        problems.uncounted = True
    axes = [
        WrittenAxis(
            name=name,
            form=form,
            values=axis_forms.listed_values(form),
            when=form.conditions() if isinstance(form, axis_forms.Conditional) else {},
        )
        for name, form in spec.space.items()
    ]
    for axis in axes:
        if detail := _fault(axis):
            problems.add(pointer("space", axis.name), detail, axis=axis.name)
    if len(axes) > MAX_AXES:
        problems.add("/space", f"has {len(axes)} axes; at most {MAX_AXES} are allowed")
        problems.raise_any()
    return [axis for axis in axes if axis.name not in problems.left_out]


def same(a: Any, b: Any) -> bool:
    """Whether two values are one value of an axis; 1 and 1.0 are two, and so are 1 and true."""
    return type(a) is type(b) and bool(a == b)


def _one_list(values: Sequence[Any]) -> str:
    """Say how a list of numbers is written that was meant as one value, such as a weight for each class."""
    if not all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        return ""
    shown = ", ".join(map(repr, values[:MAX_SHOWN_NUMBERS]))
    more = ", …" if len(values) > MAX_SHOWN_NUMBERS else ""
    return f"; if the list is meant as one value, write [[{shown}{more}]]"


def _fault(axis: WrittenAxis) -> str | None:
    """What is wrong with an empty list, a value given twice, and a list too long to try every value."""
    values, name = axis.values, f"axis {axis.name!r}"
    if values is None:
        return None
    if not values:
        return f"{name} has no values; give a list of at least one"
    if len(values) > MAX_LISTED_VALUES:
        return f"{name} has {len(values)} values; at most {MAX_LISTED_VALUES} are allowed"
    for index, value in enumerate(values):
        if any(same(value, other) for other in values[:index]):
            return f"{name} has the value {value!r} twice{_one_list(values)}"
    return None
