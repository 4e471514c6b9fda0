"""What the OpenAPI document says is true, and says enough."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.testclient import TestClient

from services.api.examples import EXAMPLE_SPECS


@pytest.fixture
def document(sqlite_api: TestClient) -> dict[str, Any]:
    found: dict[str, Any] = sqlite_api.get("/openapi.json").json()
    return found


def test_every_route_says_what_it_is_for(document: dict[str, Any]) -> None:
    for path, verbs in document["paths"].items():
        for verb, operation in verbs.items():
            # The framework makes one word of a function's name where nothing else is said.
            assert " " in operation["summary"], f"{verb} {path} has no summary of its own"
            assert len(operation["description"]) > 20, f"{verb} {path} has no description"
            assert "default" in operation["responses"], f"{verb} {path} does not show its errors"


def test_summaries_are_distinct(document: dict[str, Any]) -> None:
    told = [operation["summary"] for verbs in document["paths"].values() for operation in verbs.values()]
    assert len(told) == len(set(told))


@pytest.mark.parametrize("name", EXAMPLE_SPECS)
def test_each_example_is_a_sweep(sqlite_api: TestClient, document: dict[str, Any], name: str) -> None:
    shown = document["paths"]["/v1/sweeps"]["post"]["requestBody"]["content"]["application/json"]["examples"]
    answer = sqlite_api.post("/v1/sweeps?dry_run=true", json=shown[name]["value"])
    assert answer.status_code == 200, answer.text
    assert answer.json()["trials"] == {"grid": 6, "random": 20, "seeds": 10}[name]


def test_streams_and_files_have_their_media_types(document: dict[str, Any]) -> None:
    def media(path: str) -> set[str]:
        return set(document["paths"][path]["get"]["responses"]["200"]["content"])

    assert media("/v1/events") == media("/v1/sweeps/{sweep_id}/events") == {"text/event-stream"}
    assert media("/v1/sweeps/{sweep_id}/export/trials") == {"text/csv", "application/json"}
