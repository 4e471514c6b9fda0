"""Every error leaves the API in one shape: RFC 9457, application/problem+json."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.routing import compile_path
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.api.validation import problems_of
from services.domain.errors import NotFound, ParameterError, Problem, Refused, SpecError, StateForbids
from services.store.session import is_outage

log = logging.getLogger(__name__)

LONGEST = 500  # characters of one fault; it may quote what was sent
MOST = 50  # faults of one answer
STATUS: dict[type[Refused], int] = {SpecError: 422, ParameterError: 422, NotFound: 404, StateForbids: 409}

_TEXT = {"type": "string"}
SHAPE: dict[str, Any] = {
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
# What the OpenAPI document says of every answer that is no success.
RESPONSES: dict[int | str, dict[str, Any]] = {
    "default": {
        "description": "What is wrong and what would be right (RFC 9457)",
        "content": {"application/problem+json": {"schema": SHAPE}},
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
    """An error as an answer; `errors` points into the request, `instance` is the path that was asked for."""
    content = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": _cut(detail),
        "instance": _cut(instance),
        "errors": [{"pointer": _cut(e.pointer), "detail": _cut(e.detail)} for e in errors[:MOST]],
    }
    # What a client sent can hold half a surrogate pair, which UTF-8 cannot.
    encoded = json.dumps(content, ensure_ascii=False).encode("utf-8", "replace")
    return Response(encoded, status, headers, media_type="application/problem+json")


def unprocessable(errors: Sequence[Problem], instance: str) -> Response:
    """422, for a request that is well formed and wrong; the first fault is also the detail."""
    first = f"{errors[0].pointer}: {errors[0].detail}" if errors[0].pointer else errors[0].detail
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return problem(422, first + more, instance, errors=errors)


def install(app: FastAPI) -> None:
    """Answer everything that a route raises on purpose, and every address and method that has no route."""
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(Refused, _refused)


def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    detail, path, headers = str(error.detail), request.url.path, dict(error.headers or {})
    if error.status_code == 405:
        headers["Allow"] = ", ".join(_methods(request.app, path)) or headers.get("Allow", "")
        detail = f"{path} does not answer {request.method}; it answers {headers['Allow']}"
    elif detail == HTTPStatus.NOT_FOUND.phrase:  # the framework's own words
        detail = f"nothing is at {path}; /docs lists every address"
    return problem(error.status_code, detail, path, headers=headers)


def _methods(app: FastAPI, path: str) -> list[str]:
    """All methods of an address; the router names only those of the first route that it meets."""
    known = app.openapi()["paths"].items()
    matching = [verbs for shape, verbs in known if compile_path(shape)[0].match(path)]
    return sorted({verb.upper() for verbs in matching for verb in verbs})


def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return unprocessable(problems_of(error), request.url.path)


def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    if isinstance(error, SpecError):
        return unprocessable(error.problems, request.url.path)
    return problem(STATUS[type(error)], error.detail, request.url.path)


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


class Outcome:
    """The outermost layer: what nobody foresaw is 503 when the database is away, else 500 without detail.

    An error after the answer has begun, as in a background task, can only be logged.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and answer in its place if it fails."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = False

        async def watch(message: Message) -> None:
            nonlocal begun
            begun = begun or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, watch)
        except Exception as error:
            if is_outage(error):
                log.warning("%s %s: the database is away: %s", scope["method"], scope["path"], error)
                # An answer to a COMMIT can be lost, too.
                away = (
                    "the database does not answer; whether a change was written is not known. Try again in a "
                    "few seconds, a submit with the same Idempotency-Key"
                )
                answer = problem(503, away, scope["path"], headers={"Retry-After": "5"})
            else:
                log.exception("%s %s failed", scope["method"], scope["path"])
                answer = problem(500, "the service failed; its log says more", scope["path"])
            if not begun:
                await answer(scope, receive, send)
