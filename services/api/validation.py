"""What the request models refuse, as pointers into the user's own text and words to act on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fastapi.exceptions import RequestValidationError

from services.domain.errors import Problem, below, nearest, pointer
from services.domain.spec.objective import Objective
from services.domain.spec.spec import Spec

FIELDS: dict[tuple[Any, ...], list[str]] = {
    (): list(Spec.model_fields),
    ("objective",): list(Objective.model_fields),
}


def problems_of(error: RequestValidationError) -> list[Problem]:
    """One problem per place; the branches of a union that all failed are told in one sentence."""
    told: dict[str, list[str]] = {}
    for fault in error.errors():
        where, *parts = fault["loc"]
        place = _real(parts, error.body, fault["type"]) if where == "body" else []
        words = _words(fault, place)
        if where != "body":
            words = f"{where} parameter {'.'.join(map(str, parts))}: {words}"
        details = told.setdefault(pointer(*place), [])
        if words not in details:
            details.append(words)
    return [Problem(place, ", or ".join(details)) for place, details in told.items()]


def within(problem: Problem, spec: Spec) -> Problem:
    """The problem at the deepest place that the spec has: a fault may lie in what the library completed.

    Then the words name the field, because the place does not.
    """
    place, document = "", spec.model_dump(mode="json")
    while place != problem.pointer:
        step = next((key for key in _keys(document) if _leads(below(place, key), problem.pointer)), None)
        if step is None:
            break
        place, document = below(place, step), document[step]
    if place == problem.pointer:
        return problem
    field = ".".join(problem.pointer.strip("/").split("/"))
    return Problem(place, f"{field}, which is not written and so has its default, {problem.detail}")


def _leads(place: str, pointer: str) -> bool:
    return f"{pointer}/".startswith(f"{place}/")


def _keys(document: Any) -> Iterable[Any]:
    if isinstance(document, Mapping):
        return document.keys()
    return range(len(document)) if isinstance(document, list) else ()


def _real(parts: Sequence[Any], body: Any, kind: str) -> list[Any]:
    """The part of a location that exists in the body: union branches add names that the user never wrote."""
    place: list[Any] = []
    for part in parts:
        if part in _keys(body):
            body = body[part]
        elif kind != "missing":
            continue
        place.append(part)
    return place


def _words(fault: Mapping[str, Any], place: Sequence[Any]) -> str:
    if fault["type"] == "extra_forbidden":
        fields = FIELDS.get(tuple(place[:-1]), [])
        return f"no field {place[-1]!r} here.{nearest(str(place[-1]), fields)} Known: {', '.join(fields)}"
    if fault["type"] == "missing":
        what = place[-1] if place else "a JSON object as the body"
        return f"{what} is required"
    if fault["type"] == "value_error":
        return str(fault["ctx"]["error"])
    message = str(fault["msg"])
    return f"{message[0].lower()}{message[1:]}, got {fault['input']!r}"
