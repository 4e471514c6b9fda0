"""What the API answers when a trial is to be forked."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.testclient import TestClient
from paper_sweep import report, take

from services.store import packs, sweeps
from services.store.reports import Saved
from services.store.session import Store

SAVED = Saved(1, "packs/p/1", "0" * 64, 10)


def running(api: TestClient, store: Store, spec: dict[str, Any], saved: Saved | None = SAVED) -> list[str]:
    """Trials that have reported their first epoch of four."""
    api.post("/v1/sweeps", json=spec | {"train": {"epochs": 4}})
    [pack] = store.read(packs.queued)
    held = take(store, pack)
    trials = [trial.id for trial in store.read(lambda s: packs.rows_of(s, pack.id)).values()]
    report(store, held, 1, trials, saved=saved)
    return trials


def test_a_fork_is_a_sweep_of_one_trial_that_names_its_parent(
    api: TestClient, store: Store, spec: dict[str, Any]
) -> None:
    trial = running(api, store, spec)[1]
    answer = api.post(f"/v1/trials/{trial}/fork", json={"set": {"lr": 0.002, "train.l2": 0.01}})
    assert answer.status_code == 201, answer.text
    sweep = answer.json()
    assert answer.headers["location"] == f"/v1/sweeps/{sweep['id']}"
    assert (sweep["points"], sweep["trials"]["total"], sweep["epochs"]) == (
        1,
        1,
        {"done": 0, "total": 3, "reused": 0},
    )
    parent, made = (api.get(f"/v1/trials/{each}").json() for each in (trial, f"{sweep['id']}-0000"))
    changed = {"train.optimizer.lr": 0.002, "train.l2.strength": 0.01}
    assert made["forked_from"] == {"trial": trial, "epoch": 1, "changed": changed}
    assert parent["forked_from"] is None
    assert sweep["forked_from"] == made["forked_from"]
    born = {"trial": made["id"], "sweep": sweep["id"], "state": "queued", "start_epoch": 1}
    assert (parent["forks"], made["forks"]) == ([born | {"epoch": 1, "target_epoch": 4}], [])
    assert (made["epoch"], made["target_epoch"], made["seed"]) == (1, 4, parent["seed"])
    assert made["curve"] == []
    assert made["config"]["train"]["optimizer"] == parent["config"]["train"]["optimizer"] | {"lr": 0.002}
    plan = store.read(lambda session: sweeps.get(session, sweep["id"])).plan
    assert plan.config(0) == made["config"]


def test_a_key_makes_one_fork_and_no_other(
    sqlite_api: TestClient, sqlite_store: Store, spec: dict[str, Any]
) -> None:
    trial = running(sqlite_api, sqlite_store, spec, None)[0]
    key = {"Idempotency-Key": "one"}
    body: dict[str, Any] = {"set": {"lr": 0.002}}
    first, again = (sqlite_api.post(f"/v1/trials/{trial}/fork", json=body, headers=key) for _ in range(2))
    assert first.json()["id"] == again.json()["id"]
    assert sqlite_api.get(f"/v1/trials/{first.json()['id']}-0000").json()["forked_from"]["epoch"] is None
    other = sqlite_api.post(f"/v1/trials/{trial}/fork", json={"set": {"lr": 0.003}}, headers=key)
    assert other.status_code == 422


@pytest.mark.parametrize(
    ("path", "value", "detail"),
    [
        ("train.optimizer.lrr", 1, "train.optimizer has lr, momentum. Did you mean 'train.optimizer.lr'?"),
        ("train.optimizer.lr", 1e9, "must be a number from"),
        ("train.optimizer.lr", "fast", "got 'fast'"),
        (
            "train.batch_size",
            32,
            "belongs to the shape of the trial's array, and its checkpoint fits no other",
        ),
        ("train.epochs", 9, "belongs to the shape"),
        ("train.precision", "float64", "belongs to the shape"),
        ("data.validation", 0.2, "belongs to the shape"),
        ("model", "mlp", "belongs to the shape"),
        ("model.activation", "tanh", ""),
        ("train.optimizer", "adam", "train.optimizer must stay as it is"),
        ("train.schedule", "plateau", "which here is nothing, and would be what plateau has observed"),
        ("train.initial_scale", 2, "only scales the first weights"),
        ("train.momentum_schedule", {"name": "linear", "to": 7}, "momentum_schedule"),
    ],
)
def test_what_a_fork_cannot_have_is_refused_at_its_place(
    sqlite_api: TestClient, sqlite_store: Store, spec: dict[str, Any], path: str, value: Any, detail: str
) -> None:
    trial = running(sqlite_api, sqlite_store, spec)[0]
    answer = sqlite_api.post(f"/v1/trials/{trial}/fork", json={"set": {path: value}})
    assert answer.status_code == 422, answer.text
    [problem] = answer.json()["errors"]
    assert problem["pointer"] == f"/set/{path}"
    assert detail in problem["detail"]


def test_an_unknown_trial_field_or_state_is_refused(
    sqlite_api: TestClient, sqlite_store: Store, spec: dict[str, Any]
) -> None:
    trial = running(sqlite_api, sqlite_store, spec)[0]
    assert sqlite_api.post("/v1/trials/nobody/fork", json={}).status_code == 404
    answer = sqlite_api.post(f"/v1/trials/{trial}/fork", json={"sets": {}})
    assert answer.status_code == 422
    assert answer.json()["errors"] == [
        {"pointer": "", "detail": "no field 'sets' here. Did you mean 'set'? Known: set"}
    ]
    waiting = sqlite_api.post("/v1/sweeps", json=spec).json()["id"]
    answer = sqlite_api.post(f"/v1/trials/{waiting}-0000/fork", json={})
    assert answer.status_code in (404, 409)


def test_a_fork_cannot_be_repeated_from_epoch_0(
    sqlite_api: TestClient, sqlite_store: Store, spec: dict[str, Any]
) -> None:
    trial = running(sqlite_api, sqlite_store, spec)[0]
    fork = sqlite_api.post(f"/v1/trials/{trial}/fork", json={}).json()["id"]
    answer = sqlite_api.post(f"/v1/trials/{fork}-0000/reproduce")
    assert answer.status_code == 409
    assert f"is a fork of trial {trial} and cannot be repeated" in answer.json()["detail"]
