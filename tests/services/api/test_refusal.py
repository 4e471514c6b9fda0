"""Refusals over real connections: the answer comes before the body, and little of the body is read."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from fastapi import Response
from pydantic import SecretStr
from served_api import ServedApi

from services.api import refusal
from services.api.body import MAX_BODY_BYTES
from services.settings import Settings

KEY = "k" * 20
CHUNK = b"10000\r\n" + b"[" * 0x10000 + b"\r\n"


@pytest.fixture(scope="module")
def api(migrated_sqlite: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedApi]:
    served = ServedApi(
        Settings(
            database_url=f"sqlite:///{migrated_sqlite}",
            redis_url=SecretStr("redis://127.0.0.1:1/0"),
            files=tmp_path_factory.mktemp("files"),
            api_key=SecretStr(KEY),
        )
    )
    yield served
    served.stop()


@pytest.fixture
def connection(api: ServedApi) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", api.port), timeout=10) as opened:
        yield opened


def head(length: int | None, *more: str, key: str | None = None, path: str = "/v1/sweeps") -> bytes:
    size = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
    sent = [f"Authorization: Bearer {key}"] if key else []
    lines = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", "Content-Type: application/json", size, *sent, *more]
    return "\r\n".join([*lines, "", ""]).encode()


def answer(connection: socket.socket) -> tuple[int, bytes]:
    """The status of one answer, and all of it."""
    received = b""
    while b"\r\n\r\n" not in received or not received.endswith(b"}"):
        piece = connection.recv(65536)
        if not piece:
            break
        received += piece
    return int(received.split(b" ", 2)[1]), received


@pytest.mark.parametrize(
    ("key", "path", "status"), [(None, "/v1/sweeps", 401), (KEY, "/v1/sweeps", 413), (None, "/health", 413)]
)
def test_a_large_body_is_refused_before_a_byte_of_it_has_come(
    connection: socket.socket, monkeypatch: pytest.MonkeyPatch, key: str | None, path: str, status: int
) -> None:
    monkeypatch.setattr(refusal, "MAX_READ_SECONDS", 60.0)
    connection.sendall(head(50_000_000, key=key, path=path))
    assert answer(connection)[0] == status


@pytest.mark.parametrize("key", [None, KEY])
def test_a_client_that_sends_all_before_it_reads_gets_the_answer(
    connection: socket.socket, key: str | None
) -> None:
    connection.sendall(head(50_000_000, key=key))
    with suppress(ConnectionError):
        for _ in range(50):
            connection.sendall(b"[" * 1_000_000)
    assert answer(connection)[0] == (413 if key else 401)


@pytest.mark.parametrize("key", [None, KEY])
def test_an_endless_body_is_cut_off(connection: socket.socket, key: str | None) -> None:
    connection.sendall(head(None, key=key))
    sent = 0
    with suppress(ConnectionError):
        while sent < 200_000_000:
            connection.sendall(CHUNK)
            sent += len(CHUNK)
    assert sent < 100_000_000 if key else sent < 10_000_000  # a connection's own buffers take some
    assert answer(connection)[0] == (413 if key else 401)


def test_chunks_are_refused_once_they_exceed_the_limit(connection: socket.socket) -> None:
    connection.sendall(head(None, key=KEY))
    for _ in range(MAX_BODY_BYTES // len(CHUNK) + 1):
        connection.sendall(CHUNK)
    assert answer(connection)[0] == 413


def test_a_refused_small_body_keeps_the_connection(connection: socket.socket) -> None:
    for _ in range(2):
        connection.sendall(head(2) + b"{}")
        status, text = answer(connection)
        assert status == 401
        assert b"connection: close" not in text.lower()


def test_who_asks_before_sending_is_not_asked_to_send(connection: socket.socket) -> None:
    connection.sendall(head(900_000, "Expect: 100-continue"))
    status, text = answer(connection)
    assert status == 401
    assert b"100 Continue" not in text


def test_a_body_that_does_not_come_is_not_waited_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refusal, "MAX_READ_SECONDS", 0.05)
    sent: list[Any] = []

    async def receive() -> Any:
        await asyncio.Event().wait()

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "headers": [(b"content-length", b"100")]}
    asyncio.run(refusal.refuse(Response("no", 401), scope, receive, send, 100))
    assert [message.get("more_body") for message in sent] == [None, True, False]
