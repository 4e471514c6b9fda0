"""What the request models refuse, as problems: a pointer into the user's own JSON and what to change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fastapi.exceptions import RequestValidationError

from services.api.problems import MAX_FAULTS
from services.domain import stopping
from services.domain.errors import Problem, below, nearest, parts_of, pointer
from services.domain.spec.objective import Objective
from services.domain.spec.spec import Spec

FIELDS_BY_PLACE: dict[tuple[Any, ...], list[str]] = {
    (): list(Spec.model_fields),
    ("objective",): list(Objective.model_fields),
}


def problems_of(error: RequestValidationError) -> list[Problem]:
    """One problem for each place, of the first `MAX_FAULTS` faults.

    Where every branch of a union failed, one sentence joins them.
    """
    details_by_pointer: dict[str, list[str]] = {}
    for fault in error.errors()[:MAX_FAULTS]:
        source, *parts = fault["loc"]
        place = _place_in_body(parts, error.body, fault["type"]) if source == "body" else []
        detail = _detail(fault, place)
        if source != "body":
            detail = f"{source} parameter {'.'.join(map(str, parts))}: {detail}"
        details = details_by_pointer.setdefault(pointer(*place), [])
        if detail not in details:
            details.append(detail)
    return [Problem(place, ", or ".join(details)) for place, details in details_by_pointer.items()]


def at_written_place(problem: Problem, spec: Spec) -> Problem:
    """Move a problem up to the deepest place that the user wrote: it may lie in a default that was filled in.

    The detail then names the field, because the pointer does not. What lies in a short form of a value, such
    as 64 for [64] or 0.1 for {"strength": 0.1}, is no default.
    """
    document: Any = spec.model_dump(mode="json")
    place = ""
    while place != problem.pointer:
        step = next((key for key in _keys(document) if _leads_to(below(place, key), problem.pointer)), None)
        if step is None:
            break
        place, document = below(place, step), document[step]
    if place == problem.pointer:
        return problem
    if not isinstance(document, Mapping | str):  # a number for a list or an object: all of it was written
        return Problem(place, problem.detail)
    if parts_of(problem.pointer.removeprefix(place))[0].isdecimal():  # a text for a list, "64-32"
        return Problem(place, problem.detail)
    field = ".".join(problem.pointer.strip("/").split("/"))
    return Problem(place, f"{field}, which is not set and has its default value, {problem.detail}")


def _leads_to(place: str, pointer: str) -> bool:
    return f"{pointer}/".startswith(f"{place}/")


def _keys(document: Any) -> Iterable[Any]:
    if isinstance(document, Mapping):
        return document.keys()
    return range(len(document)) if isinstance(document, list) else ()


def _place_in_body(parts: Sequence[Any], body: Any, kind: str) -> list[Any]:
    """The part of a location that exists in the body: a union adds names of its branches, which do not."""
    place: list[Any] = []
    for at, part in enumerate(parts, 1):
        if part in _keys(body):
            body = body[part]
        elif kind != "missing" or at < len(parts):
            continue
        place.append(part)
    return place


def _parameters_of_rule(location: Sequence[Any]) -> list[str]:
    """The parameters of the stopping rule that a location leads into; none if it leads into no rule."""
    rules = stopping.all_rules() if location[1:2] == ("stop",) else {}
    return next((list(rules[part].model_fields) for part in location if part in rules), [])


def _detail(fault: Mapping[str, Any], place: Sequence[Any]) -> str:
    if fault["type"] == "extra_forbidden":
        fields = FIELDS_BY_PLACE.get(tuple(place[:-1])) or _parameters_of_rule(fault["loc"])
        return f"no field {place[-1]!r} here.{nearest(str(place[-1]), fields)} Known: {', '.join(fields)}"
    if fault["type"] == "missing":
        what = place[-1] if place else "a JSON object as the body"
        return f"{what} is required"
    if fault["type"] == "value_error":
        return str(fault["ctx"]["error"])
    message = str(fault["msg"])
    return f"{message[0].lower()}{message[1:]}, got {fault['input']!r}"
