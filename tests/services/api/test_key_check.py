"""Only a request with the API key gets further, and the refusal says what to send."""

from __future__ import annotations

import asyncio
import re
import secrets
import sys
from typing import Any

import httpx2
import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr
from servers.process import Folder, Server, free_port
from worker_process import environment

from services.api import key_check
from services.api.key_check import OPEN_PATHS, KeyCheck
from services.api.refusal import MAX_UNREAD_BYTES
from services.settings import Settings

KEY = "clé of twenty characters"
NO_KEY = {"Authorization": ""}


def ask(authorization: str | None, path: str = "/v1/sweeps", body: int = 0) -> tuple[list[Any], int, bool]:
    """What is sent in answer, how many bytes of the body were read, and whether a route was reached."""
    sent: list[Any] = []
    read, reached = 0, False

    async def receive() -> dict[str, Any]:
        nonlocal read
        read += 10_000
        return {"type": "http.request", "body": b"x" * 10_000, "more_body": read < body}

    async def send(message: Any) -> None:
        sent.append(message)

    async def route(*_: Any) -> None:
        nonlocal reached
        reached = True

    headers = [(b"content-length", str(body).encode())]
    if authorization is not None:
        headers.append((b"authorization", authorization.encode()))
    scope = {"type": "http", "path": path, "headers": headers}
    asyncio.run(KeyCheck(route, SecretStr(KEY))(scope, receive, send))
    return sent, read, reached


@pytest.mark.parametrize("scheme", ["Bearer", "bearer"])
def test_the_key_passes_and_its_body_is_left_to_the_route(scheme: str) -> None:
    assert ask(f"{scheme} {KEY}", body=50_000) == ([], 0, True)


@pytest.mark.parametrize(
    ("authorization", "words"),
    [
        (f"Bearer {KEY[:-1]}", "this is not the API key"),
        (f"Bearer {KEY} ", "this is not"),
        (f"Basic {KEY}", "is missing"),
        (KEY, "is missing"),
        ("Bearer ", "is missing"),
        (None, "is missing"),
    ],
)
def test_anything_else_is_401(authorization: str | None, words: str) -> None:
    (start, body, _), _, reached = ask(authorization)
    assert not reached
    assert start["status"] == 401
    assert (b"www-authenticate", b"Bearer") in start["headers"]
    assert words in body["body"].decode()
    assert "Authorization: Bearer" in body["body"].decode()


def test_little_of_a_refused_body_is_read() -> None:
    sent, read, _ = ask(None, body=50_000_000)
    assert MAX_UNREAD_BYTES <= read <= MAX_UNREAD_BYTES + 10_000
    assert (b"connection", b"close") in sent[0]["headers"]
    sent, read, _ = ask(None, body=30_000)
    assert read == 30_000
    assert (b"connection", b"close") not in sent[0]["headers"]


def test_keys_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []

    def compare(sent: bytes, key: bytes) -> bool:
        compared.append((sent, key))
        return secrets.compare_digest(sent, key)

    class Spied:
        compare_digest = staticmethod(compare)

    monkeypatch.setattr(key_check, "secrets", Spied)
    assert not ask("Bearer wrong")[2]
    assert ask(f"Bearer {KEY}")[2]
    assert compared == [(b"wrong", KEY.encode()), (KEY.encode(), KEY.encode())]


@pytest.mark.parametrize("path", [*sorted(OPEN_PATHS), "/page/main.js"])
def test_the_open_addresses_need_no_key_and_take_no_body(path: str) -> None:
    assert ask(None, path) == ([], 0, True)
    sent, _, reached = ask(None, path, body=10)
    assert (sent[0]["status"], reached) == (413, False)


@pytest.mark.parametrize("path", ["/v1", "/v1/", "/v2/sweeps", "/pages", "/health/", "//health", "/nothing"])
def test_every_other_address_needs_it(path: str) -> None:
    assert not ask(None, path)[2]


def test_every_route_but_the_open_ones_needs_it(sqlite_api: TestClient) -> None:
    document = sqlite_api.get("/openapi.json", headers=NO_KEY).json()
    paths = {re.sub(r"\{\w+\}", "x", path) for path in document["paths"]}
    assert len(paths) > 20
    for path in paths:
        assert (sqlite_api.get(path, headers=NO_KEY).status_code == 401) == (path not in OPEN_PATHS), path


def test_no_log_holds_the_key(sqlite_settings: Settings) -> None:
    """Not even with all that the server can log, whether a request is answered, refused or wrong."""
    secret = secrets.token_hex(16)
    port = free_port()
    command = [*("-m", "uvicorn", "--factory", "services.api.app:from_environment"), "--port", str(port)]
    server = Server(
        [sys.executable, *command, "--log-level", "trace"],
        Folder("logged"),
        env=environment(sqlite_settings.model_copy(update={"api_key": SecretStr(secret)})),
    )

    def status(path: str, key: str, method: str = "GET", body: bytes | None = None) -> int:
        try:
            return httpx2.request(
                method,
                f"http://127.0.0.1:{port}{path}",
                headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
                content=body,
                timeout=20,
            ).status_code
        except httpx2.TransportError:
            return 0

    try:
        server.wait_until(lambda: status("/health", secret) == 200, 30)
        assert status("/v1/workers", secret) == 200
        assert status("/v1/workers", secret + "x") == 401
        assert status("/v1/sweeps", secret, "POST", b"{}") == 422
        assert status("/v1/sweeps", secret, "POST", b"{" * 100) == 400
        assert status("/v1/nothing", secret) == 404
        log = server.log.read_text()
    finally:
        server.stop()
    assert "GET /v1/workers" in log
    assert secret not in log
