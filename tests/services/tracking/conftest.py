"""Stages on each kind of database and a real MLflow."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Mapping
from typing import Any

import pytest
from mlflow_stage import MakeStage, Stage
from paper_catalog import paper_spec

from services.settings import Settings
from services.store.session import Store
from services.tracking import runs_endpoint, tracker


@pytest.fixture(autouse=True)
def _no_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a round mirror all of a sweep that goes on, however slow this machine is."""
    monkeypatch.setattr(tracker, "LIVE_SECONDS", 60.0)


@pytest.fixture
def by_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the mirror take MLflow's server for one that has no requests but MLflow's own."""
    monkeypatch.setattr(runs_endpoint, "SIGN", "X-Nobody")


@pytest.fixture
def make_stage(sqlite_store: Store, sqlite_settings: Settings, mlflow_url: str) -> MakeStage:
    """Make stages on SQLite and a real MLflow; their experiments are their own."""
    return _maker(sqlite_store, sqlite_settings, mlflow_url)


@pytest.fixture
def stage(make_stage: MakeStage) -> Stage:
    """One sweep whose four trials have been leased, on SQLite."""
    return make_stage()


@pytest.fixture
def each_stage(store: Store, settings: Settings, mlflow_url: str) -> Stage:
    """The same on each kind of database in turn."""
    return _maker(store, settings, mlflow_url)()


def _maker(store: Store, settings: Settings, mlflow_url: str) -> MakeStage:
    tracked = settings.model_copy(update={"mlflow_url": mlflow_url})
    project = uuid.uuid4().hex[:8]

    def make(changes: Mapping[str, Any] | None = None) -> Stage:
        fields = {"name": f"s{secrets.token_hex(3)}", "project": project}
        return Stage(store, tracked, paper_spec(**fields | dict(changes or {})))

    return make
