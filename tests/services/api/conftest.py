"""An API over a database of the test's own, with a key, and a client of it in the same process."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr
from sqlalchemy import event

from services.api.app import make_app
from services.settings import Settings

KEY = "a key of twenty chars"
SPEC: dict[str, Any] = {
    "name": "small",
    "model": {"name": "lenet5"},
    "data": {"name": "fashion-mnist-mini", "validation": 0.1},
    "train": {"epochs": 2},
    "space": {"dropout": [0.0, 0.5], "train.optimizer": ["momentum", {"name": "adam", "lr": 0.01}]},
}


def client_of(settings: Settings) -> TestClient:
    """A client that has the key; the test enters it."""
    app = make_app(
        settings.model_copy(update={"api_key": SecretStr(KEY), "mlflow_url": "http://mlflow:5500/"})
    )
    return TestClient(app, headers={"Authorization": f"Bearer {KEY}"})


@pytest.fixture
def spec() -> dict[str, Any]:
    """Four trials of one shape, two epochs each."""
    return dict(SPEC)


@pytest.fixture
def api(settings: Settings) -> Iterator[TestClient]:
    """The API on each kind of database in turn, beside the test's own `store`."""
    with client_of(settings) as client:
        yield client


@pytest.fixture
def sqlite_api(sqlite_settings: Settings) -> Iterator[TestClient]:
    """The API on SQLite, beside the test's own `sqlite_store`."""
    with client_of(sqlite_settings) as client:
        yield client


@pytest.fixture
def statements(sqlite_api: TestClient) -> list[str]:
    """The SQL that `sqlite_api` has executed, for the test to clear before it asks."""
    engine = sqlite_api.app.state.services.store.engine  # type: ignore[attr-defined]
    executed: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *given: executed.append(given[2]))
    return executed
