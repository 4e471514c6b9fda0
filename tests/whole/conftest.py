"""Laboratories for end-to-end tests."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from plain_settings import settings_for
from pydantic import SecretStr
from servers import redis
from whole_lab import Lab, api

from services.client import Client


@pytest.fixture
def own_redis() -> Iterator[redis.Redis]:
    """A Redis that the test may kill."""
    running_redis = redis.start()
    yield running_redis
    running_redis.server.stop()


@pytest.fixture
def lab_with(postgres_url: str, tmp_path: Path) -> Iterator[Callable[..., Lab]]:
    """Make a laboratory on PostgreSQL, with these settings changed. (The stack's tests use SQLite.)"""
    settings = settings_for(postgres_url, tmp_path)
    key = secrets.token_hex(16)
    base = settings.model_copy(
        update={
            "api_key": SecretStr(key),
            "queue_prefix": f"{secrets.token_hex(4)}:",
            "devices": "cpu:0,cpu:1",
            "lease_ttl": 3.0,
            "heartbeat": 0.5,
            "redispatch": 1.0,
            "upkeep_period": 0.2,
            "checkpoint_every": 0.0,
        }
    )
    opened = []

    def make(**changes: Any) -> Lab:
        own = base.model_copy(update=changes)
        door = api(own)
        url = door.__enter__()
        client = Client(url, key)
        opened.append((door, client))
        return Lab(own, client, url)

    yield make
    for door, client in opened:
        client.close()
        door.__exit__(None, None, None)
