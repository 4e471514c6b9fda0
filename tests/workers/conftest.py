"""Sweeps for real workers to train, on a small net and few images' worth of epochs."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from attempt_stage import AttemptStage
from plain_settings import settings_for
from pydantic import SecretStr
from servers import redis
from worker_process import AtWork, running

from services.api.library import Library
from services.dispatch import dispatch
from services.domain.planning.planner import make_plan
from services.domain.spec.spec import Spec
from services.queue import Publisher
from services.settings import Settings
from services.store import sweeps
from services.store.session import Store

Submit = Callable[..., str]


@pytest.fixture
def lab(sqlite_settings: Settings, redis_url: str) -> Settings:
    """Settings of a whole laboratory with leases of two seconds."""
    return _laboratory(sqlite_settings, redis_url)


@pytest.fixture
def submit(sqlite_store: Store, lab: Settings) -> Submit:
    """Write a sweep and announce its first window, as the API does after a POST."""
    return _submit_to(sqlite_store, lab)


@pytest.fixture(scope="module")
def at_work(
    migrated_sqlite: Path, redis_server: redis.Redis, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[AtWork]:
    """A laboratory with a worker and without upkeep, for the tests after which its worker still works."""
    folder = tmp_path_factory.mktemp("at-work")
    shutil.copy(migrated_sqlite, folder / "state.db")
    settings = _laboratory(settings_for(f"sqlite:///{folder}/state.db", folder), redis_server.url)
    store = Store(settings.database_url)
    with running("workers", settings) as worker:
        yield AtWork(settings, store, _submit_to(store, settings), worker)
    store.close()


def _laboratory(settings: Settings, redis_url: str) -> Settings:
    return settings.model_copy(
        update={
            "redis_url": SecretStr(redis_url),
            "queue_prefix": f"{secrets.token_hex(4)}:",
            "devices": "cpu:0,cpu:1",
            "lease_ttl": 2.0,
            "heartbeat": 0.3,
            "redispatch": 1.0,
            "upkeep_period": 0.2,
            "checkpoint_every": 0.0,
        }
    )


def _submit_to(store: Store, settings: Settings) -> Submit:
    def write(**changes: Any) -> str:
        fields: dict[str, Any] = {
            "name": "small",
            "model": {"name": "mlp", "hidden": [16]},
            "data": {"name": "fashion-mnist-mini"},
            "train": {"epochs": 3},
            "space": {"train.l2": [0, 0.001], "train.optimizer.lr": [0.05, 0.1]},
        }
        spec = Spec.model_validate(fields | changes)
        plan = make_plan(spec, Library(), limit=1000, memory=1 << 30)
        plugins = Library().plugins_of(plan.model_dump(mode="json"))
        sweep_id = store.write(lambda session: sweeps.insert(session, spec, plan, plugins))
        dispatch(store, Publisher(settings), settings)
        return sweep_id

    return write


@pytest.fixture
def stage(sqlite_store: Store, sqlite_settings: Settings) -> Iterator[AttemptStage]:
    """A pack, ready to be led."""
    ready = AttemptStage(sqlite_store, sqlite_settings)
    yield ready
    os.close(ready.shutdown_fd)
    os.close(ready.shutdown)
