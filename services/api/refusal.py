"""An answer that does not wait for the request's body: it is sent first, and then little more is read."""

from __future__ import annotations

import asyncio

from fastapi import Response
from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send

MAX_UNREAD_BYTES = 64_000  # of a refused body, read so that a client which sends first gets the answer
MAX_READ_SECONDS = 1.0  # for that, after the answer
CLOSE = (b"connection", b"close")


def has_body(scope: Scope) -> bool:
    """Whether a request declares a body (RFC 9112, section 6.3)."""
    headers = Headers(scope=scope)
    return headers.get("content-length", "0") != "0" or "transfer-encoding" in headers


def declared_bytes(scope: Scope) -> int | None:
    """How many bytes of body a request declares; None for chunks, of which the sum is unknown."""
    headers = Headers(scope=scope)
    length = headers.get("content-length", "0")
    return None if "transfer-encoding" in headers or not length.isdecimal() else int(length)


async def refuse(answer: Response, scope: Scope, receive: Receive, send: Send, max_bytes: int) -> None:
    """Send an answer, then read and drop at most `max_bytes` of the body.

    A client that sends its whole body before it reads gets the answer if the body is not longer. The
    connection of a body over `MAX_UNREAD_BYTES` is closed, because the next request would come after it.
    """
    headers = [*answer.raw_headers]
    size = declared_bytes(scope)
    if size is None or size > MAX_UNREAD_BYTES:
        headers.append(CLOSE)
    await send({"type": "http.response.start", "status": answer.status_code, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body, "more_body": True})
    if has_body(scope):
        await _drop(receive, max_bytes)
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _drop(receive: Receive, max_bytes: int) -> None:
    """Read until the body ends, the client leaves, or a limit of bytes or of time is reached."""
    left = max_bytes
    try:
        async with asyncio.timeout(MAX_READ_SECONDS):
            while left > 0:
                message = await receive()
                if message["type"] == "http.disconnect" or not message.get("more_body", False):
                    return
                left -= len(message.get("body", b""))
    except TimeoutError:
        return
