"""The check before every route: how large a body may be, and what is accepted as JSON."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from anyio import CapacityLimiter, to_thread
from fastapi import Response
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.api.problems import problem, unprocessable
from services.api.refusal import declared_bytes, has_body, refuse
from services.domain.errors import Problem, below

MAX_BODY_BYTES = 1_000_000
MAX_TOKENS = 20_000  # of a body: what is parsed of it takes a hundred bytes a token, and what checks it time
MAX_IMAGE_BYTES = 20_000_000  # a photograph of 20 megapixels as JPEG has about ten million
MAX_DROPPED_BYTES = 64_000_000  # of a larger body, read and dropped so that the client gets the answer
MAX_PARSED_AT_ONCE = 1  # large bodies; with more of them every other thread waits longer for its turn
SMALL_BODY_BYTES = 16_000  # up to which a body is parsed at once
MAX_NESTING = 32
MAX_SHOWN_DIGITS = 40
INT64 = range(-(2**63), 2**63)
_IMAGES = re.compile("/v1/trials/[^/]+/predict")  # the addresses that take an image file
_NOT_STORABLE = re.compile("[\x00\ud800-\udfff]")
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)  # one pass: no part is matched twice


class GuardedBody:
    """Read a request's body before the route does, and refuse what no route can use.

    Too large or too many tokens: 413; a declared length is refused unread, and of chunks no more than the
    limit is kept in memory. Not declared as JSON: 415. Not JSON: 400. JSON that SQL or another program cannot
    hold: 422, with a pointer. Where an image is taken it may be larger, and must be declared as one.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._large = CapacityLimiter(MAX_PARSED_AT_ONCE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check the request; pass it on with its body, or answer it here."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if refusal := _refused_unread(scope):
            await refuse(refusal, scope, receive, send, MAX_DROPPED_BYTES)
            return
        if not has_body(scope):
            await self._app(scope, receive, send)
            return
        body = await _read(receive, _limit(scope))
        if body is None:
            return
        if len(body) > _limit(scope):
            await refuse(_too_large(scope), scope, receive, send, MAX_DROPPED_BYTES)
            return
        limiter = None if len(body) <= SMALL_BODY_BYTES else self._large
        refusal = await to_thread.run_sync(_refusal, scope, body, limiter=limiter)
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        unread: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def replay() -> Message:
            return unread.pop() if unread else await receive()

        await self._app(scope, replay, send)


def _refused_unread(scope: Scope) -> Response | None:
    """The answer to a request that its path and its headers condemn."""
    if "\x00" in scope["path"]:
        return problem(404, "an address cannot contain a NUL character", scope["path"])
    size = declared_bytes(scope)
    return _too_large(scope) if size is not None and size > _limit(scope) else None


def _too_large(scope: Scope) -> Response:
    detail = f"the body must be at most {MAX_BODY_BYTES} bytes; a spec needs a few thousand"
    if _takes_image(scope):
        detail = f"an image file must have at most {MAX_IMAGE_BYTES:,} bytes: scale it down"
    return problem(413, detail, scope["path"])


def _takes_image(scope: Scope) -> bool:
    return _IMAGES.fullmatch(scope["path"]) is not None


def _limit(scope: Scope) -> int:
    return MAX_IMAGE_BYTES if _takes_image(scope) else MAX_BODY_BYTES


async def _read(receive: Receive, limit: int) -> bytes | None:
    """The body; one byte more than the limit if it is too large, None if the client disconnected."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")[: limit + 1 - len(body)]
        if not message.get("more_body", False) or len(body) > limit:
            return bytes(body)


def _refusal(scope: Scope, body: bytes) -> Response | None:
    """The answer to a body that no route can use; None for one that is fine."""
    path = scope["path"]
    if not body:
        return None
    kind = Headers(scope=scope).get("content-type", "").partition(";")[0].strip().lower()
    if _takes_image(scope):
        if kind.startswith("image/") or kind == "application/octet-stream":
            return None
        got = kind or "no content type"
        return problem(415, f"the body must be an image file, image/png or the like, got {got}", path)
    if kind != "application/json":
        return problem(415, f"the body must be application/json, got {kind or 'no content type'}", path)
    if has_too_many_tokens(body):
        detail = f"the body must have at most {MAX_TOKENS} values and keys; a spec needs a few hundred"
        return problem(413, detail, path)
    try:
        faults = check(body)
    except ValueError as error:
        return problem(400, f"the body is not JSON: {error}", path)
    if faults:
        return unprocessable(faults, path)
    return None


def has_too_many_tokens(body: bytes) -> bool:
    """Whether JSON has more than `MAX_TOKENS` of the characters that stand before a value or a key.

    Counted outside texts, without parsing. A document that is no JSON can have more values than that, but
    its parser stops at the first of them that has none of these characters before it.
    """
    if _structure(body) <= MAX_TOKENS:
        return False
    quotes = body.count(b'"') - body.count(b'\\"')  # two of each text that has no escaped one
    return quotes > 4 * MAX_TOKENS or _structure(_STRING.sub(b"", body)) > MAX_TOKENS


def _structure(text: bytes) -> int:
    return sum(map(text.count, (b"[", b"{", b",", b":")))


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
    return value if math.isfinite(value) else _Fault(f"{_shown(text)} is larger than any 64-bit number")


def _int(text: str) -> int | _Fault:
    # 20 characters hold every 64-bit integer; converting a million digits would take seconds.
    if len(text) > 20 or int(text) not in INT64:
        return _Fault(f"{_shown(text)} is an integer beyond 64 bits")
    return int(text)


def _shown(digits: str) -> str:
    return digits if len(digits) <= MAX_SHOWN_DIGITS else f"{digits[:MAX_SHOWN_DIGITS]}…"


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
