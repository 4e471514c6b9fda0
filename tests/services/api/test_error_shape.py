"""Every error of every route has one shape, and says nothing that it should not."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr

from services.api.app import from_environment, make_app
from services.settings import Settings
from services.store.session import Store

FIELDS = {"type", "title", "status", "detail", "instance", "errors"}


def check(answer: Any, status: int, path: str) -> dict[str, Any]:
    """The problem that an answer is, after a look at its form."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert set(problem) == FIELDS
    assert (problem["type"], problem["status"], problem["instance"]) == ("about:blank", status, path)
    assert problem["title"]
    assert problem["detail"]
    assert all(set(error) == {"pointer", "detail"} for error in problem["errors"])
    return problem


def routes(api: TestClient) -> Iterator[tuple[str, str]]:
    """Every method and address, with "x" for each id."""
    for path, verbs in api.get("/openapi.json").json()["paths"].items():
        for verb in verbs:
            yield verb.upper(), re.sub(r"\{\w+\}", "x", path)


def test_every_route_wants_the_key_but_health_and_ready(sqlite_api: TestClient) -> None:
    walked = list(routes(sqlite_api))
    assert len(walked) > 18
    for verb, path in walked:
        for header in ("", "Bearer ", "Bearer wrong", "Basic eDp5", "Bearer \xfc"):
            answer = sqlite_api.request(verb, path, headers={"Authorization": header.encode("latin-1")})
            if path in ("/health", "/ready"):
                assert answer.status_code == 200
            else:
                problem = check(answer, 401, path)
                assert "Authorization: Bearer" in problem["detail"]
                assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_every_address_names_its_methods(sqlite_api: TestClient) -> None:
    for path in {path for _, path in routes(sqlite_api)}:
        answer = sqlite_api.request("TRACE", path)
        assert "does not accept TRACE" in check(answer, 405, path)["detail"]
        assert set(answer.headers["Allow"].split(", ")) == {v for v, p in routes(sqlite_api) if p == path}


@pytest.mark.parametrize(
    "path",
    ["/v1", "/page", "/page/app.py", "/redoc", "/v1/sweep", "/v1/sweeps/", "/v1/sweeps/a/b", "/v2/sweeps"],
)
def test_no_route(sqlite_api: TestClient, path: str) -> None:
    check(sqlite_api.get(path), 404, path)


@pytest.mark.parametrize(
    ("verb", "path", "words"),
    [
        ("GET", "/v1/sweeps/x", "no sweep 'x'"),
        ("POST", "/v1/sweeps/x/cancel", "no sweep 'x'"),
        ("GET", "/v1/sweeps/x/trials", "no sweep 'x'"),
        ("GET", "/v1/trials/x", "no trial 'x'"),
        ("GET", "/v1/catalog/optimizer/adam", "Did you mean 'optimizers'?"),
        ("GET", "/v1/catalog/optimizers/adma", "Did you mean 'adam'?"),
        ("GET", "/v1/sweeps/%00", "NUL"),
    ],
)
def test_nothing_of_that_name(api: TestClient, verb: str, path: str, words: str) -> None:
    assert words in check(api.request(verb, path), 404, unquote(path))["detail"]


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "limit=1e3", "limit=" + "9" * 30, "limit=%00"])
def test_a_wrong_query_names_its_parameter(sqlite_api: TestClient, query: str) -> None:
    problem = check(sqlite_api.get(f"/v1/sweeps?{query}"), 422, "/v1/sweeps")
    assert problem["errors"][0]["detail"].startswith("query parameter limit: ")


def test_a_sweep_is_cancelled_once_and_then_refuses_other_verbs(
    api: TestClient, store: Store, spec: dict[str, Any]
) -> None:
    from services.store import sweeps

    sweep_id = api.post("/v1/sweeps", json=spec).json()["id"]
    path = f"/v1/sweeps/{sweep_id}/cancel"
    first = api.post(path)
    assert (first.status_code, first.json()["state"]) == (202, "cancelling")
    assert first.json()["trials"]["cancelled"] == 4
    assert api.post(path).status_code == 202  # asked for twice is the same request
    assert store.write(lambda session: sweeps.settle(session, sweep_id))
    assert api.post(path).json()["state"] == "cancelled"
    pause = path.replace("cancel", "pause")
    assert check(api.post(pause), 409, pause)["detail"] == (
        f"sweep {sweep_id} is cancelled; only an active sweep can be paused"
    )


def test_a_program_error_is_500_without_its_text(
    sqlite_api: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("the password is hunter2")

    monkeypatch.setattr("services.store.sweeps.newest", fail)
    answer = sqlite_api.get("/v1/sweeps")
    check(answer, 500, "/v1/sweeps")
    assert "hunter2" not in answer.text


def test_a_database_that_is_away_is_503(settings: Settings, spec: dict[str, Any]) -> None:
    away = {
        "database_url": "sqlite:////nowhere/at/all.db"
        if settings.database_url.startswith("sqlite")
        else "postgresql+psycopg://nobody@127.0.0.1:1/none",
        "api_key": SecretStr("k" * 20),
    }
    with TestClient(
        make_app(settings.model_copy(update=away)), headers={"Authorization": f"Bearer {'k' * 20}"}
    ) as api:
        assert api.get("/health").json() == {"status": "up"}
        assert "sql" in check(api.get("/ready"), 503, "/ready")["detail"]
        for path in ("/v1/sweeps", "/v1/workers", "/v1/trials/x"):
            assert check(api.get(path), 503, path)
        answer = api.post("/v1/sweeps", json=spec)
        assert "not known whether a change was written" in check(answer, 503, "/v1/sweeps")["detail"]
        assert answer.headers["Retry-After"] == "5"


def test_a_long_value_is_quoted_in_part(sqlite_api: TestClient, spec: dict[str, Any]) -> None:
    answer = sqlite_api.post("/v1/sweeps", json=spec | {"seed": "x" * 900_000})
    check(answer, 422, "/v1/sweeps")
    assert len(answer.content) < 2000


def test_the_document_describes_the_shape(sqlite_api: TestClient) -> None:
    document = sqlite_api.get("/openapi.json").json()
    for verbs in document["paths"].values():
        for operation in verbs.values():
            content = operation["responses"]["default"]["content"]
            assert set(content["application/problem+json"]["schema"]["properties"]) == FIELDS
            assert "422" not in operation["responses"]
    assert "Spec" in json.dumps(document["paths"]["/v1/sweeps"]["post"]["requestBody"])


def test_an_api_without_a_key_does_not_start(sqlite_settings: Settings) -> None:
    with pytest.raises(ValueError, match="CNNLAB_API_KEY is not set"):
        make_app(sqlite_settings)


def test_the_environment_makes_the_app(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in {
        "DATABASE_URL": f"sqlite:///{tmp_path}/x.db",
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "FILES": str(tmp_path),
        "API_KEY": "k" * 20,
    }.items():
        monkeypatch.setenv(f"CNNLAB_{name}", value)
    assert from_environment().title == "cnnlab"
    assert not (tmp_path / "x.db").exists()
