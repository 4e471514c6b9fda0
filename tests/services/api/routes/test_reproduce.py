"""What the API answers when a trial is to be repeated."""

from __future__ import annotations

from typing import Any

from fastapi.testclient import TestClient
from paper_sweep import report, take

from services.store import packs, sweeps
from services.store.session import Store


def test_the_repeating_sweep_has_one_trial_with_everything_its_numbers_depend_on(
    sqlite_api: TestClient, sqlite_store: Store, spec: dict[str, Any]
) -> None:
    space = {"model.dropout": [0, 0.25, 0.5], "train.optimizer": ["sgd", "adam"]}
    posted = sqlite_api.post("/v1/sweeps", json=spec | {"space": space, "seeds": 4, "seed": 7}).json()
    plan = sqlite_store.read(lambda s: sweeps.get(s, posted["id"])).plan
    *_, pack = sqlite_store.read(packs.queued)
    held = take(sqlite_store, pack)
    trials = [t["id"] for t in sqlite_api.get(f"/v1/sweeps/{posted['id']}/trials?limit=100").json()["trials"]]
    running = [t for t in trials if sqlite_api.get(f"/v1/trials/{t}").json()["state"] == "running"]
    report(sqlite_store, held, 1, running)
    number = int(running[-1][-4:])
    answer = sqlite_api.post(f"/v1/trials/{running[-1]}/reproduce")
    assert answer.status_code == 201, answer.text
    again = sqlite_store.read(lambda s: sweeps.get(s, answer.json()["id"])).plan
    assert (again.trials, again.points) == (1, 1)
    assert again.config(0) == plan.config(plan.point_of(number))
    assert again.seed_of(0) == plan.seed_of(number)
    assert again.replicate_of(0) == plan.replicate_of(number)
    shown = sqlite_api.get(f"/v1/trials/{running[-1]}").json()
    assert again.pin
    (segment,) = again.pin.segments
    assert (segment.width, segment.row) == (shown["shape"]["width"], shown["row"])
    assert again.shapes[0].mixed == plan.shapes[0].mixed
    assert again.space.seed == 7


def test_a_trial_without_a_curve_is_refused_with_a_reason(
    sqlite_api: TestClient, spec: dict[str, Any]
) -> None:
    posted = sqlite_api.post("/v1/sweeps", json=spec).json()
    answer = sqlite_api.post(f"/v1/trials/{posted['id']}-0000/reproduce")
    assert answer.status_code == 409
    assert "has no epoch to compare with" in answer.json()["detail"]
    assert sqlite_api.post("/v1/trials/nobody/reproduce").status_code == 404
