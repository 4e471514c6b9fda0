"""Upkeep as a process, killed again and again while it deletes a sweep: in the end nothing is left."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from mlflow.entities import ViewType
from mlflow_stage import Stage
from paper_catalog import paper_spec
from sqlalchemy import select

from services.domain.states import TrialState
from services.settings import Settings
from services.store import deletion
from services.store.models import Sweep
from services.store.session import Store

TRIALS = 60
KILLED_BELOW = (TRIALS, TRIALS - 15, TRIALS - 30)  # of the runs: it is killed once there are fewer


@contextmanager
def upkeep(settings: Settings) -> Iterator[None]:
    """Have upkeep run as its own process, and kill it at the end of the block."""
    given = {
        "CNNLAB_DATABASE_URL": settings.database_url,
        "CNNLAB_REDIS_URL": settings.redis_url.get_secret_value(),
        "CNNLAB_FILES": str(settings.files),
        "CNNLAB_MLFLOW_URL": str(settings.mlflow_url),
        "CNNLAB_LEASE_TTL": "1",
        "CNNLAB_UPKEEP_PERIOD": "0.1",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "services.upkeep"],
        env={**os.environ, **given},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.kill()  # SIGKILL
        process.wait()


@pytest.mark.long
def test_a_deletion_survives_every_kill(store: Store, settings: Settings, mlflow_url: str) -> None:
    """Killed three times while it deletes runs; the fourth process finishes runs, files and rows."""
    spec = paper_spec(name="killed", space={"model.dropout": [i / 100 for i in range(TRIALS)]})
    tracked = settings.model_copy(update={"mlflow_url": mlflow_url})
    stage = Stage(store, tracked, spec, width=TRIALS)
    stage.train(1)
    for index in range(TRIALS):
        stage.end(index, TrialState.SUCCEEDED)
    stage.settle()
    assert stage.tracker().mirror(stage.sweep_id)
    folder = settings.files / "packs" / stage.held.pack_id
    folder.mkdir(parents=True)
    for number in range(50):
        (folder / f"{number}").write_text("x")
    store.write(lambda session: deletion.begin(session, stage.sweep_id))

    def left() -> tuple[int, bool, bool]:
        there = store.read(lambda session: session.scalars(select(Sweep.id)).all())
        return len(stage.runs()), folder.exists(), bool(there)

    now = left()
    for runs in KILLED_BELOW:
        with upkeep(tracked):
            while (before := now) and now[0] >= runs:
                now = left()
                assert now <= before, "what is gone does not come back"
        now = left()
    assert now[2], "rows wait for the rest"
    with upkeep(tracked):
        while left() != (0, False, False):
            time.sleep(0.05)
    assert stage.runs("sweep", ViewType.ACTIVE_ONLY) == []
