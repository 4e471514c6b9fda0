"""Laboratories for end-to-end tests."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from plain_settings import settings_for
from playwright.sync_api import Browser
from pydantic import SecretStr
from servers import browser, mlflow, postgres, redis
from servers.missing import NotInstalled, give_up
from whole_lab import Lab, open_lab

from services.settings import Settings


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A browser for the pages of a file's tests."""
    try:
        with browser.start() as running:
            yield running
    except NotInstalled as why:
        give_up(why)


@pytest.fixture
def own_redis() -> Iterator[redis.Redis]:
    """A Redis that the test may kill."""
    running_redis = redis.start()
    yield running_redis
    running_redis.server.stop()


@pytest.fixture
def lab_with(postgres_url: str, tmp_path: Path) -> Iterator[Callable[..., Lab]]:
    """Make a laboratory on PostgreSQL, with these settings changed. (The stack's tests use SQLite.)"""
    base = _settings(postgres_url, tmp_path)
    with ExitStack() as opened:
        yield lambda **changes: opened.enter_context(open_lab(base.model_copy(update=changes)))


@pytest.fixture(scope="session")
def lab_with_worker(
    postgres_server: postgres.Postgres,
    redis_server: redis.Redis,
    mlflow_server: mlflow.Mlflow,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Lab]:
    """One laboratory with a worker, for all tests."""
    with postgres_server.lent() as url:
        settings = _settings(url, tmp_path_factory.mktemp("lab")).model_copy(
            update={"redis_url": SecretStr(redis_server.url), "mlflow_url": mlflow_server.url}
        )
        with open_lab(settings) as lab, lab.worker():
            yield lab


@pytest.fixture
def lab(lab_with_worker: Lab) -> Iterator[Lab]:
    """A laboratory that trains, for tests that only submit and read: they share it."""
    with lab_with_worker.upkeep():
        yield lab_with_worker


def _settings(database_url: str, folder: Path) -> Settings:
    return settings_for(database_url, folder).model_copy(
        update={
            "api_key": SecretStr(secrets.token_hex(16)),
            "queue_prefix": f"{secrets.token_hex(4)}:",
            "devices": "cpu:0,cpu:1",
            "lease_ttl": 3.0,
            "heartbeat": 0.5,
            "redispatch": 1.0,
            "upkeep_period": 0.2,
            "checkpoint_every": 0.0,
        }
    )
