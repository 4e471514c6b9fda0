"""The guard before every route: how large a body may be, and what counts as JSON."""

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

LIMIT = 1_000_000  # bytes
DRAIN = 64_000_000  # bytes of a body too large that are still read, and dropped, so that the client hears why
DEEPEST = 32
INTEGERS = range(-(2**63), 2**63)
_UNPRINTABLE = re.compile("[\x00\ud800-\udfff]")


class GuardedBody:
    """Reads a request's body before the route does, and refuses what no route should ever see.

    Too large: 413, in one piece or chunked, holding never more than the limit. Not declared as JSON: 415.
    Not JSON: 400. JSON that SQL or another program cannot hold: 422, with a pointer.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check the request; pass it on with its body, or answer in the route's place."""
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
        left: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def replay() -> Message:
            return left.pop() if left else await receive()

        await self._app(scope, replay, send)


async def _read(receive: Receive) -> bytes | None:
    """The body; one byte more than the limit when it is too large, None when the client went away."""
    body, dropped = bytearray(), 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        chunk = message.get("body", b"")
        room = LIMIT + 1 - len(body)
        body += chunk[:room]
        dropped += max(0, len(chunk) - room)
        if not message.get("more_body", False) or dropped > DRAIN:
            return bytes(body)


def _refusal(scope: Scope, body: bytes) -> Response | None:
    """The answer to a body that no route should see."""
    path = scope["path"]
    if "\x00" in path:
        return problem(404, "nothing is at an address with a NUL character", path)
    if len(body) > LIMIT:
        return problem(413, f"the body is larger than {LIMIT} bytes; a spec needs a few thousand", path)
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
    """Stands in a parsed document where a value must be refused."""

    detail: str


def check(body: bytes) -> list[Problem]:
    """What a JSON document has that I-JSON (RFC 7493) forbids, or that is nested too deep.

    `ValueError` with line and column where it is not JSON at all.
    """
    try:
        document = json.loads(
            body.decode("utf-8"),
            parse_constant=lambda name: _Fault(f"{name} is not a number of JSON; give a finite one"),
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
    return value if math.isfinite(value) else _Fault(f"{text} is larger than any number of 64 bits")


def _int(text: str) -> int | _Fault:
    # 20 characters hold every 64-bit integer; converting a million digits would take seconds.
    if len(text) > 20 or int(text) not in INTEGERS:
        shown = text if len(text) <= 40 else f"{text[:40]}…"
        return _Fault(f"{shown} is an integer beyond 64 bits")
    return int(text)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, value in pairs:
        result[key] = _Fault(f"the key {key!r} is there twice; keep one") if key in result else value
    return result


def _faults(value: Any, pointer: str, depth: int) -> Iterator[Problem]:
    if isinstance(value, _Fault):
        yield Problem(pointer, value.detail)
    elif isinstance(value, str):
        yield from _text(value, pointer)
    elif isinstance(value, dict | list):
        if depth > DEEPEST:
            yield _too_deep(pointer)
            return
        for key, child in value.items() if isinstance(value, dict) else enumerate(value):
            if isinstance(key, str):
                yield from _text(key, pointer)
            yield from _faults(child, below(pointer, key), depth + 1)


def _text(text: str, pointer: str) -> Iterator[Problem]:
    found = _UNPRINTABLE.search(text)
    if found:
        what = "a NUL character" if found[0] == "\x00" else "half a surrogate pair"
        yield Problem(pointer, f"{text[:40]!r} contains {what}, which SQL cannot hold; remove it")


def _too_deep(pointer: str) -> Problem:
    return Problem(pointer, f"nested deeper than {DEEPEST} levels; a spec needs five")
