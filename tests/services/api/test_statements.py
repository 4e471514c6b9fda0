"""Every GET of a sweep takes as many statements for many trials as for few."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient
from paper_sweep import fill, take, trials_of, write_sweep

from services.domain.states import TrialState
from services.store import endings, reports
from services.store.reports import Epoch
from services.store.session import Store

PATHS = (
    "",
    "/trials?limit=200",
    "/trials?state=pending&state=running",
    "/trials?point=1",
    "/leaderboard",
    "/leaderboard?limit=1",
    "/best",
    "/export/trials",
    "/export/trials?format=json",
    "/export/curves",
    "/export/curves?format=json",
)


def trained(store: Store, points: int) -> str:
    """A sweep of which one trial has ended and the others train."""
    space = {"model.dropout": [number / 1000 for number in range(points)]}
    sweep_id = write_sweep(store, space=space)
    held = take(store, fill(store, sweep_id))
    ids = [trial.id for trial in trials_of(store, sweep_id)]
    for number in (1, 2):
        metrics = {trial_id: {"val/acc": 0.5} for trial_id in ids}
        epoch = Epoch(number, metrics, dict.fromkeys(ids, (number, 0.5)), None, busy_ms=1, work_ms=1)
        store.write(lambda session, epoch=epoch: reports.commit(session, held, epoch))  # type: ignore[misc]
    store.write(lambda session: endings.end_trial(session, held, ids[0], TrialState.SUCCEEDED))
    return sweep_id


@pytest.mark.parametrize("path", PATHS)
def test_as_many_statements_for_any_number_of_trials(
    sqlite_api: TestClient, sqlite_store: Store, statements: list[str], path: str
) -> None:
    counts = []
    for points in (2, 8):
        sweep_id = trained(sqlite_store, points)
        statements.clear()
        answer = sqlite_api.get(f"/v1/sweeps/{sweep_id}{path}")
        assert answer.status_code == 200, answer.text
        counts.append(len(statements))
    assert counts[0] == counts[1] <= 25
