"""The leaderboard of points, the winner, and what a sweep says of its best over HTTP."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import update

from benchmarks.tables import drawing
from services.api.library import Library
from services.store import sweeps
from services.store.models import Sweep, Trial
from services.store.session import Session, Store

Json = dict[str, Any]


def submit(api: TestClient, spec: Json, seeds: int) -> str:
    """A sweep of four points."""
    sweep_id: str = api.post("/v1/sweeps", json={**spec, "seeds": seeds}).json()["id"]
    return sweep_id


def give(store: Store, sweep_id: str, values: Mapping[int, list[float | None]]) -> None:
    """Let the trials of these points have these best values, replicate by replicate."""

    def write(session: Session) -> None:
        drawing.draw(session, sweeps.lock(session, sweep_id), 1000)  # what the window has left undrawn
        for point, replicates in values.items():
            for replicate, value in enumerate(replicates):
                here = (Trial.sweep_id == sweep_id, Trial.point == point, Trial.replicate == replicate)
                session.execute(update(Trial).where(*here).values(best_value=value, best_epoch=1))

    store.write(write)


def test_points_are_ranked_by_mean_and_compared(api: TestClient, store: Store, spec: Json) -> None:
    sweep_id = submit(api, spec, seeds=3)
    # One seed alone (the first) would have called point 1 the best.
    give(store, sweep_id, {0: [0.90, 0.93, 0.93], 1: [0.92, 0.915, 0.91], 2: [0.5, None, None]})
    page = api.get(f"/v1/sweeps/{sweep_id}/leaderboard").json()
    assert [point["point"] for point in page["points"]] == [0, 1, 2, 3]
    assert page["next"] is None
    first, _, third, last = page["points"]
    assert first.keys() == {
        "point", "label", "values", "cells", "text", "mean", "low", "high", "sd", "n", "seeds",
        "folds", "failed",
        "note", "images", "sampling", "trials",
    }  # fmt: skip
    half = 4.302653 * math.sqrt(0.0003) / math.sqrt(3)
    assert first["mean"] == pytest.approx(0.92)
    assert (first["low"], first["high"]) == (pytest.approx(0.92 - half), pytest.approx(0.92 + half))
    assert (first["n"], first["seeds"], first["failed"], first["note"]) == (3, 3, 0, None)
    assert first["values"]["model.dropout"] == 0.0
    assert "dropout 0" in first["label"].split(", ")
    assert {"path": "model.dropout", "name": "dropout", "text": "0"} in first["cells"]
    assert [trial["replicate"] for trial in first["trials"]] == [0, 1, 2]
    assert [trial["value"] for trial in first["trials"]] == [0.90, 0.93, 0.93]
    assert first["trials"][0].keys() == {
        "id", "number", "replicate", "fold", "state", "value", "epoch", "reused_from", "reused_epochs",
        "mlflow",
    }  # fmt: skip
    assert (third["low"], third["note"]) == (
        None, "1 of 3 seeds has a value: no interval; choice of 600 images alone: ± 0.040"
    )  # fmt: skip
    assert (last["mean"], last["note"]) == (None, "no value yet")

    comparison = page["comparison"]
    assert (comparison["best"], comparison["runner_up"], comparison["n"]) == (0, 1, 3)
    assert comparison["differs"] is False
    assert "cannot be told apart" in comparison["words"]
    view = api.get(f"/v1/sweeps/{sweep_id}").json()
    assert (view["seeds"], view["points"], view["trials"]["total"]) == (3, 4, 12)
    assert (view["best"], view["comparison"]) == (first, comparison)
    assert api.get(view["links"]["leaderboard"]).json() == page


def test_one_seed_has_no_interval_and_says_so(
    sqlite_api: TestClient, sqlite_store: Store, spec: Json
) -> None:
    sweep_id = submit(sqlite_api, spec, seeds=1)
    give(sqlite_store, sweep_id, {2: [0.9], 1: [0.8]})
    view = sqlite_api.get(f"/v1/sweeps/{sweep_id}").json()
    best = view["best"]
    assert (best["point"], best["mean"], best["low"], best["high"], best["sd"]) == (2, 0.9, None, None, None)
    assert (best["text"], best["note"]) == (
        "0.9000", "one seed: no interval; choice of 600 images alone: ± 0.024"
    )  # fmt: skip
    assert view["comparison"]["differs"] is None
    assert view["comparison"]["words"].startswith("one seed: no interval")


def test_pages_follow_one_another(api: TestClient, store: Store, spec: Json) -> None:
    sweep_id = submit(api, spec, seeds=2)
    give(store, sweep_id, {0: [0.5, 0.5], 3: [0.9, 0.9], 1: [None, None]})
    path, seen = f"/v1/sweeps/{sweep_id}/leaderboard?limit=1", []
    page = api.get(path).json()
    while True:
        seen += [point["point"] for point in page["points"]]
        assert page["comparison"]["best"] == 3
        if page["next"] is None:
            break
        page = api.get(path, params={"limit": 1, "after": page["next"]}).json()
    assert seen == [3, 0, 1, 2]


@pytest.mark.parametrize("query", ["after=x", "after=", "after=WzEsMiwzXQ", "limit=0", "limit=9999"])
def test_parameters_that_cannot_be_used_are_named(sqlite_api: TestClient, spec: Json, query: str) -> None:
    answer = sqlite_api.get(f"/v1/sweeps/{submit(sqlite_api, spec, seeds=1)}/leaderboard?{query}")
    assert answer.status_code == 422
    assert f"query parameter {query.split('=')[0]}" in answer.json()["detail"]


def test_the_winner_can_be_submitted_as_it_is(
    sqlite_api: TestClient, sqlite_store: Store, spec: Json
) -> None:
    spec |= {"project": "letters", "seed": 11, "name": "n" * 100}
    sweep_id = submit(sqlite_api, spec, seeds=2)
    give(sqlite_store, sweep_id, {3: [0.9, 0.8], 0: [0.1, 0.2]})
    found = sqlite_api.get(f"/v1/sweeps/{sweep_id}/best").json()
    assert found["point"] == sqlite_api.get(f"/v1/sweeps/{sweep_id}").json()["best"]
    again = found["spec"]
    assert again["name"] == "n" * 95 + " best"
    assert (again["project"], again["seeds"], again["seed"], again["space"]) == ("letters", 2, 12, {})
    trial = sqlite_api.get(f"/v1/trials/{found['point']['trials'][0]['id']}").json()
    assert again["model"] == {"name": "lenet5", "dropout": 0.5}  # the defaults are left out

    answer = sqlite_api.post("/v1/sweeps", json=again)
    assert answer.status_code == 201
    assert Library().resolve({part: again[part] for part in ("model", "data", "train")}) == trial["config"]
    view = answer.json()
    assert (view["points"], view["seeds"], view["axes"]) == (1, 2, [])
    give(sqlite_store, view["id"], {0: [0.9, 0.8]})
    new = sqlite_api.get(f"/v1/trials/{view['id']}-0001").json()
    assert new["config"] == trial["config"]
    shapes = sqlite_api.get(f"/v1/sweeps/{sweep_id}").json()["shapes"]
    assert [shape["key"] for shape in view["shapes"]] == [shape["key"] for shape in shapes]


def test_without_a_value_there_is_no_winner(sqlite_api: TestClient, spec: Json) -> None:
    sweep_id = submit(sqlite_api, spec, seeds=1)
    answer = sqlite_api.get(f"/v1/sweeps/{sweep_id}/best")
    assert answer.status_code == 409
    assert answer.json()["detail"] == (
        f"sweep {sweep_id} has no best point: it is active, and none of its trials has reported "
        "a finite val/acc"
    )
    view = sqlite_api.get(f"/v1/sweeps/{sweep_id}").json()
    assert (view["best"], view["comparison"]) == (None, None)
    for path in ("best", "leaderboard"):
        assert sqlite_api.get(f"/v1/sweeps/nobody/{path}").status_code == 404


def test_a_list_of_sweeps_asks_for_all_the_best_at_once(
    sqlite_api: TestClient, sqlite_store: Store, statements: list[str], spec: Json
) -> None:
    """As many statements for seven sweeps as for five, and the rankings of all are one of them."""
    asked = []
    for new in (3, 2, 2):
        for _ in range(new):
            give(sqlite_store, submit(sqlite_api, spec, seeds=1), {1: [0.5]})
        statements.clear()
        shown = sqlite_api.get("/v1/sweeps").json()["sweeps"]
        assert all(view["best"]["point"] == 1 for view in shown)
        asked.append(len(statements))
        assert sum("row_number()" in statement and "score" in statement for statement in statements) == 1
    assert asked[2] == asked[1]  # the first page has none that is kept in memory


def test_a_sweep_of_unequal_shapes_counts_its_epochs(sqlite_api: TestClient, spec: Json) -> None:
    spec["space"] = {"train.epochs": [1, 3], "dropout": [0.0, 0.5]}
    view = sqlite_api.get(f"/v1/sweeps/{submit(sqlite_api, spec, seeds=2)}").json()
    assert view["epochs"]["total"] == (1 + 3) * 2 * 2


def test_the_winner_of_a_space_with_conditions(
    sqlite_api: TestClient, sqlite_store: Store, spec: Json
) -> None:
    """An axis that does not exist at the best point leaves no trace in its spec."""
    spec["space"] = {
        "train.optimizer": ["momentum", "adam"],
        "train.optimizer.beta1": {"choice": [0.8, 0.9], "when": {"train.optimizer": "adam"}},
    }
    sweep_id = submit(sqlite_api, spec, seeds=1)
    give(sqlite_store, sweep_id, {point: [0.9 - point / 10] for point in range(3)})
    with_sweep = sqlite_store.read(lambda session: session.get_one(Sweep, sweep_id))
    assert with_sweep.total == 3
    found = sqlite_api.get(f"/v1/sweeps/{sweep_id}/best").json()
    assert "train.optimizer.beta1" not in found["point"]["values"]
    assert found["spec"]["train"].get("optimizer", "momentum") == "momentum"
    assert sqlite_api.post("/v1/sweeps", json=found["spec"]).status_code == 201
