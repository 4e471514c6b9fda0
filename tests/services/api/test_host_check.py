"""The API answers to its own names only: a web page cannot reach it under a name that it has turned."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from fastapi.testclient import TestClient

from services.api.host_check import HostCheck, names_of
from services.settings import Settings


def passes(host: str | None, *names: str) -> bool:
    reached = False

    async def route(*_: Any) -> None:
        nonlocal reached
        reached = True

    async def send(_: Any) -> None: ...

    headers = [] if host is None else [(b"host", host.encode())]
    scope = {"type": "http", "path": "/", "headers": headers}
    asyncio.run(HostCheck(route, names)(scope, send, send))  # type: ignore[arg-type]
    return reached


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.0.0.1:8080",
        "[::1]:8080",
        "192.168.1.5:80",
        "api.lab",
        "API.lab:443",
        "api.lab.",
        None,
    ],
)
def test_addresses_and_the_names_pass_with_any_port(host: str | None) -> None:
    assert passes(host, "api.lab")


@pytest.mark.parametrize(
    "host",
    ["example.org", "example.org:8080", "127.0.0.1.example.org", "xapi.lab", "api.lab.org", "[", "[]:1"],
)
def test_any_other_name_is_refused(host: str) -> None:
    assert not passes(host, "api.lab")


def test_the_names_come_from_the_settings(sqlite_settings: Settings) -> None:
    def names(**changes: str | None) -> frozenset[str]:
        return names_of(sqlite_settings.model_copy(update=changes))

    assert names(allowed_hosts=None) == {"localhost", "127.0.0.1"}
    given = names(allowed_hosts=" a.lab, B.lab,,", public_url="https://cnnlab.lab:8443/x")
    assert given == {"localhost", "cnnlab.lab", "a.lab", "b.lab"}


@pytest.mark.parametrize("path", ["/", "/health", "/docs", "/page/main.js", "/openapi.json", "/v1/sweeps"])
def test_no_address_answers_to_a_turned_name(sqlite_api: TestClient, path: str) -> None:
    answer = sqlite_api.get(path, headers={"Host": "example.org:8080"})
    assert answer.status_code == 421
    assert answer.headers["content-type"] == "application/problem+json"
    assert "'example.org:8080'" in answer.json()["detail"]
    assert "CNNLAB_ALLOWED_HOSTS" in answer.json()["detail"]
    assert sqlite_api.get(path, headers={"Host": "localhost:8080"}).status_code == 200
