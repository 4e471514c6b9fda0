"""An API in a thread, with a sweep whose trials have left best weights."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import stage
from pydantic import SecretStr
from served_api import ServedApi
from trained_weights import leave_weights

from services.settings import Settings
from services.store import leaderboard, sweeps
from services.store.session import Store

KEY = "k" * 32


@dataclass(frozen=True)
class ServedWeights:
    """The API's address, the sweep that has ended, and its best trial."""

    url: str
    store: Store
    sweep_id: str
    trial_id: str
    config: dict[str, Any]


@contextmanager
def served_weights(store: Store, settings: Settings, **spec: Any) -> Iterator[ServedWeights]:
    """Serve it while the block lasts."""
    model = {"name": "mlp", "hidden": [6]}
    sweep_id = stage.add(store, **{"model": model, "space": {"model.dropout": [0.0, 0.5]}} | spec)
    stage.Worker(store, stage.accuracy).finish(sweep_id)
    objective = store.read(lambda s: sweeps.get(s, sweep_id)).spec.objective
    winner = store.read(lambda s: leaderboard.winner(s, sweep_id, objective))
    assert winner is not None
    config = leave_weights(store, settings.files, winner, trains=False)
    served = ServedApi(settings.model_copy(update={"api_key": SecretStr(KEY)}))
    try:
        yield ServedWeights(served.url, store, sweep_id, winner, config)
    finally:
        served.stop()
