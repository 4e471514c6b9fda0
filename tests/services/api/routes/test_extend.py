"""A sweep that has ended is extended by a new one that names it; everything else is refused in words."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.testclient import TestClient

from services.domain.plan.plan import Fork, Pin
from services.store import asked, sweeps
from services.store.models import Trial
from services.store.session import Session, Store
from services.store.trials import rows_of


@pytest.fixture
def ended(sqlite_api: TestClient, sqlite_store: Store, spec: dict[str, Any]) -> str:
    """A sweep of four trials of two epochs, all of which have succeeded."""
    return end(sqlite_api, sqlite_store, spec)


def end(api: TestClient, store: Store, spec: dict[str, Any]) -> str:
    """Submit a sweep, and have all of its trials succeed."""
    sweep_id = str(api.post("/v1/sweeps", json=spec | {"reuse": False}).json()["id"])

    def write(session: Session) -> None:
        sweep = sweeps.lock(session, sweep_id)
        if sweep.plan.asked is not None:
            while asked.draw(session, sweep, 100):
                session.flush()
        for row in rows_of(sweep, range(sweep.next_number, sweep.total), 0):
            session.add(Trial(**row | {"state": "pending"}))
        session.flush()
        for trial in session.query(Trial).filter_by(sweep_id=sweep_id):
            trial.state, trial.pack_id, trial.epoch = "succeeded", None, trial.target_epoch
        sweep.state, sweep.next_number = "succeeded", sweep.total

    store.write(write)
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
    assert sweep["reused_from"] == [{"sweep": ended, "trials": 4, "epochs": 8}]
    trials = sqlite_api.get(f"/v1/sweeps/{sweep['id']}/trials?state=succeeded").json()["trials"]
    assert {trial["reused_from"] for trial in trials} == {f"{ended}-{number:04d}" for number in range(4)}
    board = sqlite_api.get(f"/v1/sweeps/{sweep['id']}/leaderboard").json()["points"]
    shown = {(each["reused_from"], each["reused_epochs"]) for point in board for each in point["trials"]}
    assert shown - {(None, 0)} == {(f"{ended}-{number:04d}", 2) for number in range(4)}
    table = sqlite_api.get(f"/v1/sweeps/{sweep['id']}/export/trials?format=json").json()
    assert sum(row["reused_from"] is not None for row in table) == 4
    later = sqlite_api.post(f"/v1/sweeps/{ended}/extend", json={"seeds": 3}).json()
    assert later["id"] != sweep["id"]


@pytest.mark.parametrize(
    "search", [{}, {"search": "random", "max_trials": 3}, {"search": "tpe", "max_trials": 3}]
)
def test_points_are_added_and_the_others_reused(
    sqlite_api: TestClient, sqlite_store: Store, spec: dict[str, Any], search: dict[str, Any]
) -> None:
    space = spec["space"] | ({"dropout": {"uniform": [0.0, 0.6]}} if search else {})
    ended = end(sqlite_api, sqlite_store, spec | search | {"space": space})
    had = sqlite_api.get(f"/v1/sweeps/{ended}").json()["points"]
    answer = sqlite_api.post(f"/v1/sweeps/{ended}/extend", json={"points": [{"dropout": 0.25}]})
    assert answer.status_code == 201, answer.text
    sweep = answer.json()
    assert (sweep["extends"], sweep["points"], sweep["reused"]) == (ended, had + 1, had)
    assert (sweep["trials"]["succeeded"], sweep["trials"]["pending"]) == (had, 1)
    old, new = (sqlite_api.get(f"/v1/sweeps/{each}/trials").json()["trials"] for each in (ended, sweep["id"]))
    assert [trial["values"] for trial in new[:had]] == [trial["values"] for trial in old]
    assert [trial["reused_from"] for trial in new[:had]] == [trial["id"] for trial in old]
    assert new[had]["values"]["model.dropout"] == 0.25


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({}, 422, "must have epochs, seeds or points"),
        ({"epochs": 2}, 422, "/epochs: must be more than the 2 that its trials have, got 2"),
        ({"seeds": 1}, 422, "/seeds: must be more than the 1 that it has, got 1"),
        ({"seeds": 1000}, 422, "less than or equal to 100"),
        ({"point": 3}, 422, "no field 'point' here. Did you mean 'points'? Known: epochs, seeds, points"),
        ({"points": []}, 422, "/points: must list at least one point"),
        ({"points": {"dropout": 0.1}}, 422, "/points: input should be a valid list"),
        ({"points": [{"dropout": 0.1}, 3]}, 422, "/points/1: input should be a valid dictionary, got 3"),
        ({"points": [{"dropout": 0.4}, {"lr": 1}]}, 422, "/points/1/lr: lr is not an axis of the space"),
        ({"points": [{"dropout": 7}]}, 422, "/points/0/dropout: "),
        (
            {"points": [{"dropout": 0.5, "train.optimizer": "momentum"}]},
            422,
            "/points/0: the sweep has this point already, as point ",
        ),
    ],
)
def test_what_adds_nothing_or_does_not_fit_is_refused_at_its_place(
    sqlite_api: TestClient, ended: str, body: dict[str, Any], status: int, words: str
) -> None:
    answer = sqlite_api.post(f"/v1/sweeps/{ended}/extend", json=body)
    assert answer.status_code == status
    assert words in answer.text


def test_a_sweep_that_moves_is_refused(
    sqlite_api: TestClient, sqlite_store: Store, ended: str, spec: dict[str, Any]
) -> None:
    moving = sqlite_api.post("/v1/sweeps", json=spec | {"seed": 3}).json()["id"]
    answer = sqlite_api.post(f"/v1/sweeps/{moving}/extend", json={"epochs": 9})
    assert answer.status_code == 409
    assert "is active; only a sweep that has ended can be extended" in answer.json()["detail"]
    assert sqlite_api.post("/v1/sweeps/nowhere/extend", json={"epochs": 9}).status_code == 404
    answer = sqlite_api.post(f"/v1/sweeps/{moving}/extend", json={"points": [{"dropout": 0.25}]})
    assert answer.status_code == 409


@pytest.mark.parametrize("how", ["pin", "fork"])
def test_the_copy_of_a_trial_cannot_be_extended(
    sqlite_api: TestClient, sqlite_store: Store, ended: str, how: str
) -> None:
    origin: dict[str, Any] = {"trial": "3f81c09a2e-0007", "name": "first", "replicate": 0, "seed": 1}
    made = {"fork": Fork(**origin)} if how == "fork" else {"pin": Pin(**origin, segments=[])}

    def copy(session: Session) -> str:
        sweep = sweeps.get(session, ended)
        return sweeps.insert(session, sweep.spec, sweep.plan.model_copy(update=made))

    answer = sqlite_api.post(f"/v1/sweeps/{sqlite_store.write(copy)}/extend", json={"epochs": 9})
    assert answer.status_code == 409
    what = "is a fork of" if how == "fork" else "repeats"
    assert f"{what} trial 3f81c09a2e-0007, so it is as long as that trial" in answer.json()["detail"]


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
