"""The check before every route: how large a body may be, and what is accepted as JSON."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fastapi import Response
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.api.problems import problem, unprocessable
from services.domain.errors import Problem, below

MAX_BODY_BYTES = 1_000_000
MAX_DROPPED_BYTES = 64_000_000  # of a larger body, read and dropped so that the client gets the answer
MAX_NESTING = 32
INT64 = range(-(2**63), 2**63)
_NOT_STORABLE = re.compile("[\x00\ud800-\udfff]")


class GuardedBody:
    """Read a request's body before the route does, and refuse what no route can use.

    Too large: 413, sent at once or in chunks; no more than the limit is kept in memory. Not declared as
    JSON: 415. Not JSON: 400. JSON that SQL or another program cannot hold: 422, with a pointer.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check the request; pass it on with its body, or answer it here."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = await _read(receive)
        if body is None:
            return
        refusal = await run_in_threadpool(_refusal, scope, body)
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        unread: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def replay() -> Message:
            return unread.pop() if unread else await receive()

        await self._app(scope, replay, send)


async def _read(receive: Receive) -> bytes | None:
    """The body; one byte more than the limit if it is too large, None if the client disconnected."""
    body, dropped = bytearray(), 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        chunk = message.get("body", b"")
        room = MAX_BODY_BYTES + 1 - len(body)
        body += chunk[:room]
        dropped += max(0, len(chunk) - room)
        if not message.get("more_body", False) or dropped > MAX_DROPPED_BYTES:
            return bytes(body)


def _refusal(scope: Scope, body: bytes) -> Response | None:
    """The answer to a body that no route can use; None for one that is fine."""
    path = scope["path"]
    if "\x00" in path:
        return problem(404, "an address cannot contain a NUL character", path)
    if len(body) > MAX_BODY_BYTES:
        detail = f"the body must be at most {MAX_BODY_BYTES} bytes; a spec needs a few thousand"
        return problem(413, detail, path)
    if not body:
        return None
    kind = Headers(scope=scope).get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        return problem(415, f"the body must be application/json, got {kind or 'no content type'}", path)
    try:
        faults = check(body)
    except ValueError as error:
        return problem(400, f"the body is not JSON: {error}", path)
    if faults:
        return unprocessable(faults, path)
    return None


@dataclass(frozen=True)
class _Fault:
    """Takes the place of a value in a parsed document that must be refused."""

    detail: str


def check(body: bytes) -> list[Problem]:
    """Find what I-JSON (RFC 7493) forbids in a JSON document, and what is nested too deeply.

    `ValueError` with line and column if it is not JSON at all.
    """
    try:
        document = json.loads(
            body.decode("utf-8"),
            parse_constant=lambda name: _Fault(f"{name} is not a number in JSON; give a finite one"),
            parse_float=_float,
            parse_int=_int,
            object_pairs_hook=_object,
        )
    except UnicodeDecodeError as error:
        raise ValueError(f"byte {error.start} is not UTF-8") from None
    except RecursionError:
        return [_too_deep("")]
    return list(_faults(document, "", 1))


def _float(text: str) -> float | _Fault:
    value = float(text)
    return value if math.isfinite(value) else _Fault(f"{text} is larger than any 64-bit number")


def _int(text: str) -> int | _Fault:
    # 20 characters hold every 64-bit integer; converting a million digits would take seconds.
    if len(text) > 20 or int(text) not in INT64:
        shown = text if len(text) <= 40 else f"{text[:40]}…"
        return _Fault(f"{shown} is an integer beyond 64 bits")
    return int(text)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, value in pairs:
        result[key] = _Fault(f"the key {key!r} appears twice; keep one") if key in result else value
    return result


def _faults(value: Any, pointer: str, depth: int) -> Iterator[Problem]:
    if isinstance(value, _Fault):
        yield Problem(pointer, value.detail)
    elif isinstance(value, str):
        yield from _text(value, pointer)
    elif isinstance(value, dict | list):
        if depth > MAX_NESTING:
            yield _too_deep(pointer)
            return
        for key, child in value.items() if isinstance(value, dict) else enumerate(value):
            if isinstance(key, str):
                yield from _text(key, pointer)
            yield from _faults(child, below(pointer, key), depth + 1)


def _text(text: str, pointer: str) -> Iterator[Problem]:
    match = _NOT_STORABLE.search(text)
    if match:
        what = "a NUL character" if match[0] == "\x00" else "half a surrogate pair"
        yield Problem(pointer, f"{text[:40]!r} contains {what}, which SQL cannot hold; remove it")


def _too_deep(pointer: str) -> Problem:
    return Problem(pointer, f"nested deeper than {MAX_NESTING} levels; a spec needs five")
