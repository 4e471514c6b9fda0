"""A sweep that has ended is extended by a new one that names it; everything else is refused in words."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.testclient import TestClient

from services.store import sweeps
from services.store.models import Trial
from services.store.session import Session, Store
from services.store.trials import rows_of


@pytest.fixture
def ended(sqlite_api: TestClient, sqlite_store: Store, spec: dict[str, Any]) -> str:
    """A sweep of four trials of two epochs, all of which have succeeded."""
    sweep_id = str(sqlite_api.post("/v1/sweeps", json=spec | {"reuse": False}).json()["id"])

    def write(session: Session) -> None:
        sweep = sweeps.lock(session, sweep_id)
        for row in rows_of(sweep, range(sweep.next_number, sweep.total), 0):
            session.add(Trial(**row | {"state": "pending"}))
        session.flush()
        for trial in session.query(Trial).filter_by(sweep_id=sweep_id):
            trial.state, trial.pack_id, trial.epoch = "succeeded", None, trial.target_epoch
        sweep.state, sweep.next_number = "succeeded", sweep.total

    sqlite_store.write(write)
    return sweep_id


def test_more_seeds_reuse_the_trials_there_are(sqlite_api: TestClient, ended: str) -> None:
    key = {"Idempotency-Key": "once"}
    answer = sqlite_api.post(f"/v1/sweeps/{ended}/extend", json={"seeds": 3}, headers=key)
    assert answer.status_code == 201, answer.text
    sweep = answer.json()
    assert answer.headers["Location"] == f"/v1/sweeps/{sweep['id']}"
    assert (sweep["extends"], sweep["seeds"], sweep["trials"]["total"]) == (ended, 3, 12)
    assert (sweep["trials"]["succeeded"], sweep["reused"]) == (4, 4)
    assert sweep["epochs"] == {"done": 8, "total": 24, "reused": 8}
    assert (
        sqlite_api.post(f"/v1/sweeps/{ended}/extend", json={"seeds": 3}, headers=key).json()["id"]
        == (sweep["id"])
    )
    trials = sqlite_api.get(f"/v1/sweeps/{sweep['id']}/trials?state=succeeded").json()["trials"]
    assert {trial["reused_from"] for trial in trials} == {f"{ended}-{number:04d}" for number in range(4)}
    table = sqlite_api.get(f"/v1/sweeps/{sweep['id']}/export/trials?format=json").json()
    assert sum(row["reused_from"] is not None for row in table) == 4
    later = sqlite_api.post(f"/v1/sweeps/{ended}/extend", json={"seeds": 3}).json()
    assert later["id"] != sweep["id"]


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({}, 422, "must have epochs or seeds"),
        ({"epochs": 2}, 422, "/epochs: must be more than the 2 that its trials have, got 2"),
        ({"seeds": 1}, 422, "/seeds: must be more than the 1 that it has, got 1"),
        ({"seeds": 1000}, 422, "less than or equal to 100"),
        ({"point": 3}, 422, "point"),
    ],
)
def test_what_adds_nothing_is_refused(
    sqlite_api: TestClient, ended: str, body: dict[str, Any], status: int, words: str
) -> None:
    answer = sqlite_api.post(f"/v1/sweeps/{ended}/extend", json=body)
    assert answer.status_code == status
    assert words in answer.text


def test_a_sweep_that_moves_or_repeats_a_trial_is_refused(
    sqlite_api: TestClient, sqlite_store: Store, ended: str, spec: dict[str, Any]
) -> None:
    moving = sqlite_api.post("/v1/sweeps", json=spec | {"seed": 3}).json()["id"]
    answer = sqlite_api.post(f"/v1/sweeps/{moving}/extend", json={"epochs": 9})
    assert answer.status_code == 409
    assert "is active; only a sweep that has ended can be extended" in answer.json()["detail"]
    assert sqlite_api.post("/v1/sweeps/nowhere/extend", json={"epochs": 9}).status_code == 404


def test_a_dry_run_says_what_would_be_reused(
    sqlite_api: TestClient, ended: str, spec: dict[str, Any]
) -> None:
    found = sqlite_api.post("/v1/sweeps?dry_run=true", json=spec).json()
    assert found["reused"] == {"trials": 4, "begun": 0, "epochs": 8}
    assert (found["seconds"], found["seconds_from"]) == (0.0, "other sweeps have all of it")


def test_a_submit_of_the_same_sweep_has_its_results_at_once(
    sqlite_api: TestClient, ended: str, spec: dict[str, Any]
) -> None:
    again = sqlite_api.post("/v1/sweeps", json=spec | {"name": "another"}).json()
    assert again["trials"]["succeeded"] == 4
    apart = sqlite_api.post("/v1/sweeps", json=spec | {"project": "apart"}).json()
    assert apart["trials"]["succeeded"] == 0
