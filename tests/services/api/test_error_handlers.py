"""Each exception that a route raises on purpose becomes its own status."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from services.api import error_handlers
from services.api.error_handlers import STATUS_OF
from services.domain.errors import NotFound, ParameterError, Problem, Refused, SpecError, StateForbids


@pytest.fixture
def app() -> FastAPI:
    made = FastAPI()
    error_handlers.install(made)
    return made


def raising(app: FastAPI, error: Exception) -> Any:
    @app.get("/it")
    def fail() -> None:
        raise error

    return TestClient(app).get("/it")


def test_every_refusal_has_a_status() -> None:
    assert set(STATUS_OF) == set(Refused.__subclasses__())


@pytest.mark.parametrize(("kind", "status"), [(ParameterError, 422), (NotFound, 404), (StateForbids, 409)])
def test_a_refusal_answers_with_its_detail(app: FastAPI, kind: type[Refused], status: int) -> None:
    answer = raising(app, kind("not like this"))
    assert (answer.status_code, answer.json()["detail"]) == (status, "not like this")


def test_a_wrong_spec_answers_with_every_fault(app: FastAPI) -> None:
    answer = raising(app, SpecError([Problem("/a", "wrong"), Problem("/b", "bad")]))
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/a", "/b"]


def test_405_names_the_methods_of_all_routes_of_the_address(app: FastAPI) -> None:
    app.get("/things/{name}")(lambda name: None)
    app.delete("/things/{name}")(lambda name: None)
    answer = TestClient(app).put("/things/a")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "DELETE, GET")
    assert answer.json()["detail"] == "/things/a does not accept PUT; it accepts DELETE, GET"


def test_404_names_the_address(app: FastAPI) -> None:
    answer = TestClient(app).get("/nothing")
    assert answer.json()["detail"] == "there is nothing at /nothing; /docs lists every address"
