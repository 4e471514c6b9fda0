"""Server-sent events: parse a stream, and resume a broken one behind its last event."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import httpx2

from services.client.connection import MAX_OUTAGE_SECONDS, Connection
from services.client.errors import ApiError

MAX_SILENCE_SECONDS = 45.0  # without a byte; the API sends one every 15
RECONNECT_SECONDS = 1.0  # between two attempts to connect again
END_KIND = "end"  # the kind of a stream's last event


class SweepEvent(NamedTuple):
    """Something that happened to a sweep. `id` is its place in the stream: pass it on to resume behind it."""

    id: str
    kind: str  # sweep, trial, epoch, end
    data: dict[str, Any]


def follow(connection: Connection, path: str, after: str | None) -> Iterator[SweepEvent]:
    """Events as they arrive, across broken connections, up to and including the event `end`."""
    last_sign: float | None = None
    while True:
        try:
            headers = {} if after is None else {"Last-Event-ID": after}
            with connection.stream(path, silence=MAX_SILENCE_SECONDS, headers=headers) as body:
                last_sign = time.monotonic()
                for event in parse(body):
                    last_sign, after = time.monotonic(), event.id or after
                    yield event
                    if event.kind == END_KIND:
                        return
        except (ApiError, httpx2.TransportError) as error:
            refused = isinstance(error, ApiError) and error.status < 500
            if refused or last_sign is None or time.monotonic() - last_sign > MAX_OUTAGE_SECONDS:
                raise
        time.sleep(RECONNECT_SECONDS)


def parse(body: Iterable[bytes]) -> Iterator[SweepEvent]:
    """The events of a stream, without comments and without an event cut off by the stream's end.

    Source: https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
    """
    identity, kind, data = "", "", list[str]()
    for line in _lines(body):
        if line == "":
            if data:
                yield SweepEvent(identity, kind or "message", json.loads("\n".join(data)))
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
    """The whole lines. A carriage return alone does not end a line: this API sends none."""
    rest = b""
    for piece in body:
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            yield line.removesuffix(b"\r").decode()
