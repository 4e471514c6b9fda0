"""A dry run tells what a sweep would be, and stores nothing."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select

from services.domain.plan import dry_run
from services.store import speeds
from services.store.models import Sweep
from services.store.session import Store

SPACE = {"model.dropout": [0, 0.25, 0.5], "train.batch_size": [250, 500]}


def preview(api: TestClient, spec: dict[str, Any]) -> dict[str, Any]:
    answer = api.post("/v1/sweeps", params={"dry_run": "true"}, json=spec)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_it_counts_trials_and_packs_and_stores_nothing(
    sqlite_api: TestClient, sqlite_store: Store, spec: dict[str, Any]
) -> None:
    found = preview(sqlite_api, spec | {"space": SPACE, "seeds": 5})
    assert (found["trials"], found["points"], found["seeds"]) == (30, 6, 5)
    assert [shape["values"] for shape in found["shapes"]] == [
        {"train.batch_size": 250},
        {"train.batch_size": 500},
    ]
    assert found["shapes"][0]["cells"] == [{"path": "train.batch_size", "name": "batch_size", "text": "250"}]
    assert sum(shape["trials"] for shape in found["shapes"]) == 30
    assert found["packs"] == sum(-(-15 // shape["width"]) for shape in found["shapes"])
    assert found["shapes"][0]["parameters"] == 61706
    assert found["memory_bytes"] == max(s["width"] * s["bytes_per_row"] for s in found["shapes"])
    assert found["seconds"] is None
    assert "2 of 2 architectures was never measured" in found["seconds_from"]
    count = sqlite_store.read(lambda s: s.execute(select(func.count()).select_from(Sweep)).scalar_one())
    assert count == 0


def test_time_comes_from_measured_speeds(
    sqlite_api: TestClient, sqlite_store: Store, spec: dict[str, Any]
) -> None:
    body = spec | {"space": {"model.dropout": [0, 0.25, 0.5, 0.75]}, "train": {"epochs": 3}}
    (shape,) = preview(sqlite_api, body)["shapes"]
    for width, rate in ((1, 100.0), (shape["width"], 5400.0)):
        sqlite_store.write(lambda s, w=width, r=rate: speeds.record(s, shape["key"], "a machine", w, r))
    found = preview(sqlite_api, body)
    rows = found["packs"] * shape["width"]
    assert found["seconds"] == pytest.approx(rows * 3 * 5400 / 5400)  # rows × epochs × images / speed
    assert found["seconds_from"] == "speeds measured on a machine, one device at work"


def test_points_that_differ_in_nothing_are_counted(sqlite_api: TestClient, spec: dict[str, Any]) -> None:
    space = {
        "train.optimizer": ["sgd", {"name": "sgd", "lr": 0.5}],
        "train.optimizer.lr": [0.1, 0.5],
    }
    found = preview(sqlite_api, spec | {"space": space, "seeds": 2})
    assert (found["trials"], found["duplicates"]) == (8, 4)


def test_a_wrong_spec_is_refused_as_a_submit_would(sqlite_api: TestClient, spec: dict[str, Any]) -> None:
    answer = sqlite_api.post("/v1/sweeps?dry_run=true", json=spec | {"space": {"model.dropuot": [0]}})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/space/model.dropuot"


def test_devices_share_the_work_but_no_pack_is_divided() -> None:
    from paper_catalog import paper_plan, paper_spec

    plan = paper_plan(paper_spec(space={"model.dropout": [i / 10 for i in range(8)]}))
    (shape,) = plan.shapes
    speed = {shape.key: [dry_run.MeasuredSpeed(100.0, shape.width, "m")]}
    one, words = dry_run.seconds(plan, [1000], speed, 1)
    assert one == pytest.approx(8 * 3 * 10)
    assert "one device" in words
    assert dry_run.seconds(plan, [1000], speed, 2)[0] == pytest.approx(one / 2)
    assert dry_run.seconds(plan, [1000], speed, 50)[0] == pytest.approx(one / 2)  # two packs


def test_the_speed_of_a_plain_loop_says_nothing_of_arrays(
    sqlite_api: TestClient, sqlite_store: Store, spec: dict[str, Any]
) -> None:
    (shape,) = preview(sqlite_api, spec)["shapes"]
    sqlite_store.write(lambda s: speeds.record(s, shape["key"], "a machine", speeds.PLAIN, 100.0))
    found = preview(sqlite_api, spec)
    assert found["seconds"] is None
    assert "never measured" in found["seconds_from"]
