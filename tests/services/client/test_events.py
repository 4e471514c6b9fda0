"""services/client/events.py: parsing a stream, and resuming it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx2
import pytest

from services.client import ApiError, Client, SweepEvent
from services.client import events as module
from services.client.events import parse

STREAM = (
    b': hello\n\nid: 1-2\nevent: trial\ndata: {"number": 7,\ndata: "state": "running"}\n\n'
    b"id:1-3\r\nevent:epoch\r\ndata:{}\r\n\r\nevent: trial\nid: 1-4\n\nid: 1-5\nevent: end\ndata: {}\n"
)


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_stream_in_pieces_of_any_size(size: int) -> None:
    pieces = [STREAM[at : at + size] for at in range(0, len(STREAM), size)]
    assert list(parse(pieces)) == [
        SweepEvent("1-2", "trial", {"number": 7, "state": "running"}),
        SweepEvent("1-3", "epoch", {}),
    ], "without data there is no event, and what the end has cut off is none"


def test_a_line_ends_with_a_line_feed_alone() -> None:
    text = '{"name": "a\u2028b\u0085c"}'
    [event] = parse([f"data: {text}\n\n".encode()])
    assert event.data == {"name": "a\u2028b\u0085c"}


def event(number: int, kind: str = "trial") -> bytes:
    return f"id: 0-{number}\nevent: {kind}\ndata: {{}}\n\n".encode()


class Streams:
    """A server that answers each connection with the next of its streams, and breaks it off."""

    def __init__(self) -> None:
        self.streams: list[tuple[int, bytes]] = []
        self.asked: list[str | None] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append(self.headers["Last-Event-ID"])
                status, body = outer.streams.pop(0)
                self.send_response(status)
                self.send_header("Content-Type", "text/event-stream" if status == 200 else "application/json")
                self.send_header(
                    "Content-Length", str(len(body) + (status == 200))
                )  # one byte more than comes
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self._thread = threading.Thread(target=self.server.serve_forever, args=[0.01])
        self._thread.start()

    def stop(self) -> None:
        """Stop serving."""
        self.server.shutdown()
        self.server.server_close()
        self._thread.join()


@pytest.fixture
def streams(monkeypatch: pytest.MonkeyPatch) -> Iterator[Streams]:
    monkeypatch.setattr(module, "RECONNECT_SECONDS", 0.01)
    running = Streams()
    yield running
    running.stop()


def received(streams: Streams, after: str | None = None) -> list[str]:
    with Client(streams.url, "key") as client:
        return [event.id for event in client.events("s", after)]


def test_a_broken_stream_is_resumed_behind_its_last_event(streams: Streams) -> None:
    away = b'{"status": 503, "detail": "away"}'
    streams.streams = [(200, event(1) + event(2)), (200, b""), (503, away), (200, event(3) + event(4, "end"))]
    assert received(streams) == ["0-1", "0-2", "0-3", "0-4"]
    assert streams.asked == [None, "0-2", "0-2", "0-2"]


def test_a_stream_begins_where_the_caller_was(streams: Streams) -> None:
    streams.streams = [(200, event(9, "end"))]
    assert received(streams, "0-8") == ["0-9"]
    assert streams.asked == ["0-8"]


def test_a_refusal_ends_it(streams: Streams) -> None:
    streams.streams = [(200, event(1)), (404, b'{"status": 404, "detail": "no sweep"}')]
    with pytest.raises(ApiError, match="no sweep"):
        received(streams)


def test_an_api_that_never_answered_is_not_waited_for(streams: Streams) -> None:
    streams.streams = [(503, b'{"status": 503, "detail": "away"}')]
    with pytest.raises(ApiError, match="away"):
        received(streams)
    assert len(streams.asked) == 1


def test_it_gives_up_in_the_end(streams: Streams, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_OUTAGE_SECONDS", -1.0)
    streams.streams = [(200, event(1)), (200, event(2))]
    with pytest.raises(httpx2.TransportError):
        received(streams)
