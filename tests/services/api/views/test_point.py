"""A point as JSON: its estimate over the seeds, and each of its trials."""

from __future__ import annotations

import pytest
from paper_sweep import write_sweep

from services.api.views.point import point_view
from services.domain.states import TrialState
from services.settings import Settings
from services.store import sweeps
from services.store.leaderboard import RankedPoint, Replicate
from services.store.session import Store


def test_the_estimate_and_the_trials(sqlite_store: Store, sqlite_settings: Settings) -> None:
    states = (TrialState.SUCCEEDED, TrialState.RUNNING, TrialState.FAILED)
    trials = [
        Replicate(f"t{n}", n, n, state, value, 2, None)
        for n, (state, value) in enumerate(zip(states, (0.9, 0.8, None), strict=True))
    ]
    sweep_id = write_sweep(sqlite_store, space={"model.dropout": [0.0, 0.5]}, seeds=3)
    sweep = sqlite_store.read(lambda session: sweeps.get(session, sweep_id))
    view = point_view(RankedPoint(sweep_id, 1, 0, {"model.dropout": 0.5}, trials), sweep, sqlite_settings)
    assert (view.label, [cell.text for cell in view.cells]) == ("dropout 0.5", ["0.5"])
    assert (view.point, view.values, view.n, view.seeds, view.failed) == (1, {"model.dropout": 0.5}, 2, 3, 1)
    assert view.mean == pytest.approx(0.85)
    assert view.low is not None
    assert view.high is not None
    assert view.low < 0.85 < view.high
    assert view.sd == pytest.approx(0.0707107)
    assert view.note == (
        "2 of 3 seeds have a value; from two values the width is a rough guess; 1 of 3 trials failed"
    )
    assert [(each.id, each.state, each.value) for each in view.trials] == [
        ("t0", "succeeded", 0.9), ("t1", "running", 0.8), ("t2", "failed", None),
    ]  # fmt: skip
