"""services/api/known_parameters.py: no route ignores a query parameter that it does not have."""

from __future__ import annotations

import re
from typing import Any

import pytest
from fastapi.testclient import TestClient

PAGES = [("GET", "/"), ("GET", "/docs"), ("GET", "/page/main.js")]


def test_every_route_refuses_a_parameter_that_it_does_not_have(sqlite_api: TestClient) -> None:
    paths: dict[str, Any] = sqlite_api.get("/openapi.json").json()["paths"]
    walked = [(verb, path, verbs[verb]) for path, verbs in paths.items() for verb in verbs]
    assert len(walked) > 30
    for verb, path, operation in [*walked, *((verb, path, {}) for verb, path in PAGES)]:
        address = re.sub(r"\{\w+\}", "x", path)
        answer = sqlite_api.request(verb, f"{address}?no-such=1")
        assert answer.status_code == 422, (verb, path)
        [error] = answer.json()["errors"]
        known = sorted(each["name"] for each in operation.get("parameters", ()) if each["in"] == "query")
        assert error["pointer"] == ""
        assert error["detail"].startswith("query parameter no-such: there is none of that name here. ")
        assert error["detail"].endswith(
            f" Known: {', '.join(known)}" if known else " This address has no query parameters"
        )


def test_a_misspelt_dry_run_submits_and_deletes_nothing(sqlite_api: TestClient, spec: dict[str, Any]) -> None:
    detail = "query parameter dryrun: there is none of that name here. Did you mean 'dry_run'? Known: dry_run"
    answer = sqlite_api.post("/v1/sweeps?dryrun=true", json=spec)
    assert (answer.status_code, answer.json()["detail"]) == (422, detail)
    assert sqlite_api.get("/v1/sweeps").json()["sweeps"] == []
    sweep_id = sqlite_api.post("/v1/sweeps", json=spec).json()["id"]
    sqlite_api.post(f"/v1/sweeps/{sweep_id}/cancel")
    answer = sqlite_api.delete(f"/v1/sweeps/{sweep_id}?dryrun=true")
    assert (answer.status_code, answer.json()["detail"]) == (422, detail)
    assert sqlite_api.get(f"/v1/sweeps/{sweep_id}").status_code == 200


@pytest.mark.parametrize("query", ["Limit=1", "limit=1&limits=2", "id=a&=b", "%00=1"])
def test_names_are_compared_as_they_are_written(sqlite_api: TestClient, query: str) -> None:
    answer = sqlite_api.get(f"/v1/sweeps?{query}")
    assert answer.status_code == 422
    assert "Known: after, id, limit, name, project, state" in answer.json()["detail"]


def test_every_unknown_parameter_is_named_once(sqlite_api: TestClient) -> None:
    answer = sqlite_api.get("/v1/workers?a=1&b=2&a=3").json()
    assert "This address has no query parameters" in answer["detail"]
    assert "parameter a" in answer["errors"][0]["detail"]
    assert "parameter b" in answer["errors"][0]["detail"]
