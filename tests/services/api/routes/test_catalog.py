"""The catalog over HTTP: everything at once, or one entry."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient


def test_the_catalog_describes_every_entry(sqlite_api: TestClient) -> None:
    kinds = sqlite_api.get("/v1/catalog").json()
    assert "lenet5" in kinds["models"]
    for kind, entries in kinds.items():
        for name, entry in entries.items():
            assert sqlite_api.get(f"/v1/catalog/{kind}/{name}").json() == {"kind": kind, "name": name} | entry


@pytest.mark.parametrize(
    ("path", "detail"),
    [
        ("optimizer/adam", "no kind 'optimizer' in the catalog. Did you mean 'optimizers'? Known: "),
        ("optimizers/adma", "no 'adma' in optimizers. Did you mean 'adam'? Known: "),
    ],
)
def test_a_wrong_name_gets_the_nearest_one(sqlite_api: TestClient, path: str, detail: str) -> None:
    answer = sqlite_api.get(f"/v1/catalog/{path}")
    assert answer.status_code == 404
    assert answer.json()["detail"].startswith(detail)
