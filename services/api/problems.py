"""The one shape of every error that leaves the API: RFC 9457, application/problem+json."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import Response

from services.domain.errors import Problem

MAX_FAULT_CHARS = 500  # a fault may quote what was sent
MAX_FAULTS = 50  # in one answer

_TEXT = {"type": "string"}
PROBLEM_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "instance", "errors"],
    "additionalProperties": False,
    "properties": {
        "type": _TEXT,
        "title": _TEXT,
        "status": {"type": "integer"},
        "detail": _TEXT,
        "instance": _TEXT,
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "detail"],
                "additionalProperties": False,
                "properties": {"pointer": _TEXT, "detail": _TEXT},
            },
        },
    },
}
# What the OpenAPI document says of every answer that is not a success.
RESPONSES: dict[int | str, dict[str, Any]] = {
    "default": {
        "description": "What is wrong and how to correct it (RFC 9457)",
        "content": {"application/problem+json": {"schema": PROBLEM_SCHEMA}},
    }
}


def problem(
    status: int,
    detail: str,
    instance: str,
    *,
    errors: Sequence[Problem] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Make an error answer; `errors` point into the request, `instance` is the path that was requested."""
    content = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": _cut(detail),
        "instance": _cut(instance),
        "errors": [{"pointer": _cut(e.pointer), "detail": _cut(e.detail)} for e in errors[:MAX_FAULTS]],
    }
    # What a client sent can hold half a surrogate pair, which UTF-8 cannot.
    encoded = json.dumps(content, ensure_ascii=False).encode("utf-8", "replace")
    return Response(encoded, status, headers, media_type="application/problem+json")


def unprocessable(errors: Sequence[Problem], instance: str) -> Response:
    """Make a 422, for a request that is well formed but wrong; its detail is the first fault."""
    first = f"{errors[0].pointer}: {errors[0].detail}" if errors[0].pointer else errors[0].detail
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return problem(422, first + more, instance, errors=errors)


def _cut(text: str) -> str:
    return text if len(text) <= MAX_FAULT_CHARS else text[: MAX_FAULT_CHARS - 1] + "…"
