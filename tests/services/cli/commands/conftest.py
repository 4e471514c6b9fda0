"""A sweep of 12 trials, submitted to the API that nobody trains for."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import update

from benchmarks.tables import drawing
from services.store import events, sweeps
from services.store.models import Trial
from services.store.session import Session, Store

Run = Callable[..., tuple[int, str, str]]
SPEC = """\
name: steered
model: lenet5
data: fashion-mnist-mini
space:
  model.dropout: [0, 0.25]
  train.optimizer: [{name: momentum, lr: 0.05}, adam]
seeds: 3
train: {epochs: 2}
reuse: false  # tests share a database, and some give an equal trial its results
"""


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    """The file of a sweep: 4 points with 3 seeds each."""
    path = tmp_path / "steered.yaml"
    path.write_text(SPEC)
    return path


@pytest.fixture
def submit(at: Run, spec: Path) -> Callable[[], str]:
    """Submit the file; returns the new sweep's id."""
    return lambda: str(json.loads(at("submit", str(spec), "--json")[1])["id"])


@pytest.fixture
def give(state: Store) -> Callable[[str, dict[int, list[float]]], None]:
    """Draw a sweep's trials, and give the replicates of some points a best value."""

    def give(sweep_id: str, values: dict[int, list[float]]) -> None:
        def write(session: Session) -> None:
            drawing.draw(session, sweeps.lock(session, sweep_id), 1000)
            for point, replicates in values.items():
                for replicate, value in enumerate(replicates):
                    here = (Trial.sweep_id == sweep_id, Trial.point == point, Trial.replicate == replicate)
                    session.execute(update(Trial).where(*here).values(best_value=value, best_epoch=1))
            events.add(session, sweep_id, "trial", [{}])  # without one a standing is what it was

        state.write(write)

    return give
