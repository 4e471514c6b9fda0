"""Sweeps for real workers to train, on a small net and few images' worth of epochs."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import SecretStr

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
    return sqlite_settings.model_copy(
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


@pytest.fixture
def submit(sqlite_store: Store, lab: Settings) -> Submit:
    """Write a sweep and announce its first window, as the API does after a POST."""

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
        sweep_id = sqlite_store.write(lambda session: sweeps.insert(session, spec, plan, plugins))
        dispatch(sqlite_store, Publisher(lab), lab)
        return sweep_id

    return write
