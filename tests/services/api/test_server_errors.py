"""What no handler expected: 503 during an outage, otherwise 500, never the text of the exception."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from fastapi.testclient import TestClient
from sqlalchemy.exc import OperationalError

from services.api.server_errors import ServerErrorMiddleware


def client(route: Any) -> TestClient:
    app = FastAPI()
    app.add_middleware(ServerErrorMiddleware)
    app.get("/it")(route)
    return TestClient(app)


def test_a_bug_is_500_and_its_text_is_only_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> None:
        raise RuntimeError("the password is hunter2")

    answer = client(fail).get("/it")
    assert answer.status_code == 500
    assert "hunter2" not in answer.text
    assert "hunter2" in caplog.text
    assert "GET /it failed" in caplog.text


def test_an_outage_is_503_and_can_be_tried_again() -> None:
    def fail() -> None:
        raise OperationalError("SELECT 1", {}, OSError("gone"), connection_invalidated=True)

    answer = client(fail).get("/it")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert "Idempotency-Key" in answer.json()["detail"]


def test_an_answer_that_has_begun_is_not_begun_again(caplog: pytest.LogCaptureFixture) -> None:
    def lines() -> Iterator[bytes]:
        yield b"one\n"
        raise RuntimeError("cut off")

    answer = client(lambda: StreamingResponse(lines())).get("/it")
    assert (answer.status_code, answer.content) == (200, b"one\n")
    assert "cut off" in caplog.text
