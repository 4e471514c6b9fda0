"""Server-sent events: reading a stream of them, and going on where a broken one ended."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import httpx2

from services.client.connection import Connection
from services.client.errors import ApiError

PATIENCE = 60.0  # seconds that an API which has gone away is waited for
SILENCE = 45.0  # seconds without a byte that count as a broken connection; the API sends one every 15
PAUSE = 1.0  # seconds between two attempts to connect again
LAST = "end"  # the kind of the event behind which a sweep's stream ends


class Event(NamedTuple):
    """Something that happened. `id` is its place in the stream: pass it on to go on behind it."""

    id: str
    kind: str  # sweep, trial, epoch, end
    data: dict[str, Any]


def follow(connection: Connection, path: str, after: str | None) -> Iterator[Event]:
    """Events as they come, across broken connections; ends behind the event `end`."""
    heard: float | None = None
    while True:
        try:
            headers = {} if after is None else {"Last-Event-ID": after}
            with connection.stream(path, silence=SILENCE, headers=headers) as body:
                heard = time.monotonic()
                for event in parse(body):
                    heard, after = time.monotonic(), event.id or after
                    yield event
                    if event.kind == LAST:
                        return
        except (ApiError, httpx2.TransportError) as error:
            refused = isinstance(error, ApiError) and error.status < 500
            if refused or heard is None or time.monotonic() - heard > PATIENCE:
                raise
        time.sleep(PAUSE)


def parse(body: Iterable[bytes]) -> Iterator[Event]:
    """The events of a stream; comments are skipped, and so is what the stream's end has cut off.

    Source: https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
    """
    identity, kind, data = "", "", list[str]()
    for line in _lines(body):
        if line == "":
            if data:
                yield Event(identity, kind or "message", json.loads("\n".join(data)))
            kind, data = "", []
            continue
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "id":
            identity = value
        elif field == "event":
            kind = value
        elif field == "data":
            data.append(value)


def _lines(body: Iterable[bytes]) -> Iterator[str]:
    """Whole lines. A carriage return alone ends none: this API sends none."""
    rest = b""
    for piece in body:
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            yield line.removesuffix(b"\r").decode()
