"""Names of axes written out as paths: a short name is the end of just one path of the configs there are."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, partial
from typing import Any

from services.domain.errors import Problem, SpecError, nearest, pointer
from services.domain.planning.catalog import Catalog, ConfigFault
from services.domain.planning.completion import Completion, problem_at
from services.domain.planning.ties_reader import matches
from services.domain.spec import axis_forms as forms
from services.domain.spec.spec import Spec

MAX_AXES = 100
MAX_LOOKED_AT = 1000  # configs in which paths are looked for


def full_paths(spec: Spec, catalog: Catalog, complete: Completion) -> dict[str, str]:
    """The path of each axis by its name; `SpecError` for names that are no hyperparameter, or several."""
    if len(spec.space) > MAX_AXES:
        raise SpecError([Problem("/space", f"has {len(spec.space)} axes; the most is {MAX_AXES}")])
    worded = _worded(spec)
    conditional = {name for name, written in spec.space.items() if _conditions(written)}
    first = {name: values[0] for name, values in worded.items() if name not in conditional}
    try:
        known = set(catalog.paths(complete(first)))
    except ConfigFault as fault:
        names = {name: name for name in first}
        raise SpecError([problem_at(fault, names, spec.space, first, dict.fromkeys(first, 0))]) from None
    for config in _configs(_branches(spec, worded, first), complete):
        known |= set(catalog.paths(config))
    others = cache(partial(_others, worded, first, catalog, complete))  # only where a name is unknown
    full: dict[str, str] = {}
    problems = []
    for name in spec.space:
        path = name
        if name not in known:
            ends = sorted(path for path in known if path.endswith("." + name))
            if len(ends) != 1:
                why = f"could be any of {', '.join(ends)}" if ends else ""
                why = why or _elsewhere(name, others()) or _unknown(name, sorted(known))
                problems.append(Problem(pointer("space", name), f"axis {name!r} {why}"))
                continue
            path = ends[0]
        if path.endswith(".name"):
            above = path.removesuffix(".name")
            detail = f"is the name of an entry, whose hyperparameters change with it; write the axis {above}"
            problems.append(Problem(pointer("space", name), f"axis {name!r} {detail}"))
        if path in full.values():
            problems.append(Problem(pointer("space", name), f"{path} is swept twice"))
        full[name] = path
    if problems:
        raise SpecError(problems)
    return full


def _worded(spec: Spec) -> dict[str, list[Any]]:
    """The choices of axes that list words or objects, by which paths come and go; one of each wording."""
    found: dict[str, list[Any]] = {}
    for name, written in spec.space.items():
        values = forms.choices(written)
        if values and isinstance(values[0], str | dict) and ("." in name or name in ("model", "data")):
            by_wording: dict[str, Any] = {}
            for value in values:
                by_wording.setdefault(json.dumps(_words(value)), value)
            found[name] = list(by_wording.values())
    return found


def _words(value: Any) -> Any:
    """A choice without its numbers: no path depends on them."""
    if isinstance(value, Mapping):
        return {key: _words(inner) for key, inner in value.items()}
    return value if isinstance(value, str) else None


def _conditions(written: Any) -> dict[str, list[Any]]:
    return written.conditions() if isinstance(written, forms.Conditional) else {}


def _branches(
    spec: Spec, worded: Mapping[str, Sequence[Any]], first: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    """For each axis with conditions: choices with which it exists, each of them once."""
    for name, written in spec.space.items():
        if not _conditions(written):
            continue
        needed: dict[str, list[Any]] = {}
        _need(name, spec, worded, needed)
        if name in worded:
            needed[name] = list(worded[name][:1])
        start = {**first, **{axis: values[0] for axis, values in needed.items()}}
        yield start
        for axis, values in needed.items():
            yield from ({**start, axis: value} for value in values[1:])


def _need(name: str, spec: Spec, worded: Mapping[str, Sequence[Any]], needed: dict[str, list[Any]]) -> None:
    """Collect the choices that an axis's conditions name, and those that these choices' own name."""
    for written, wanted in _conditions(spec.space[name]).items():
        ends = [other for other in worded if other.endswith(f".{written}")]
        for other in [written] if written in worded else ends[:1] if len(ends) == 1 else []:
            named = [value for value in worded[other] if any(matches(value, one) for one in wanted)]
            if named and other not in needed and other != name:
                needed[other] = named
                _need(other, spec, worded, needed)


def _configs(choices: Iterator[dict[str, Any]], complete: Completion) -> Iterator[dict[str, Any]]:
    """The configs of these choices, of each once; none of what cannot be, which is told elsewhere."""
    seen: set[str] = set()
    for choice in choices:
        key = json.dumps(choice, sort_keys=True)
        if key in seen:
            continue
        seen.add(key)
        if len(seen) > MAX_LOOKED_AT:
            detail = f"the conditions name more than {MAX_LOOKED_AT} choices of entries; shorten these axes"
            raise SpecError([Problem("/space", detail)])
        try:
            yield complete(choice)
        except ConfigFault:
            continue


def _others(
    worded: Mapping[str, Sequence[Any]],
    first: Mapping[str, Any],
    catalog: Catalog,
    complete: Completion,
) -> list[tuple[str, Any, Sequence[str]]]:
    """Axes with each of their choices, and the paths that there are with it."""
    choices = [(axis, choice) for axis in first for choice in worded[axis]]
    return [
        (axis, choice, catalog.paths(config))
        for axis, choice in choices[:MAX_LOOKED_AT]
        for config in _configs(iter([{**first, axis: choice}]), complete)
    ]


def _elsewhere(name: str, others: Sequence[tuple[str, Any, Sequence[str]]]) -> str:
    """Say so if the hyperparameter exists, but only with some choices of another axis."""
    for axis, choice, paths in others:
        if any(path == name or path.endswith("." + name) for path in paths):
            named = choice.get("name", choice) if isinstance(choice, dict) else choice
            return (
                f"exists with {axis}: {named} only, not with all of its choices; "
                f"write {name}: {{choice: […], when: {{{axis}: {named}}}}}"
            )
    return ""


def _unknown(name: str, known: Sequence[str]) -> str:
    """Say that no such hyperparameter is here, and what is there in its place."""
    parent = name.rpartition(".")[0]
    inside = [path for path in known if parent and path.rpartition(".")[0] == parent]
    there = [path for path in inside if not path.endswith(".name")]
    names = ", ".join(path.rpartition(".")[2] for path in there)
    has = f" {parent} has {names} with the first of its choices." if there else ""
    near = nearest(name, there or [path for path in known if not path.endswith(".name")])
    return f"is no hyperparameter here.{has}{near}"
