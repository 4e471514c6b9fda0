"""GET /v1/sweeps/{id}/effects: what is compared, what is left out, and when there is nothing to compare."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, update

from benchmarks.tables import drawing
from services.api import analyses
from services.domain.results import effects as results
from services.store import sweeps
from services.store.models import Pack, Report, Trial
from services.store.session import Session, Store

Json = dict[str, Any]
Given = Mapping[int, Sequence[float | str | None]]


def end(store: Store, sweep_id: str, points: Given) -> None:
    """Let the trials of points have succeeded with a value, or be in a state, replicate by replicate."""

    def write(session: Session) -> None:
        drawing.draw(session, sweeps.lock(session, sweep_id), 1000)
        for point, given in points.items():
            for replicate, value in enumerate(given):
                here = (Trial.sweep_id == sweep_id, Trial.point == point, Trial.replicate == replicate)
                new: Json = {"state": "succeeded", "best_value": value, "epoch": 2, "pack_id": None}
                if isinstance(value, str):
                    new |= {"state": value, "best_value": 0.99, "epoch": 1}
                session.execute(update(Trial).where(*here).values(new))
        changed(session, sweep_id)

    store.write(write)


def changed(session: Session, sweep_id: str) -> None:
    """Leave the mark of a change: see services/store/standings.py."""
    packs = update(Pack).where(Pack.sweep_id == sweep_id)
    session.execute(packs.values(busy_ms=Pack.busy_ms + 1))


def curves(store: Store, sweep_id: str, points: Mapping[int, Sequence[float]]) -> None:
    """Let the first trials of points have reported these values of val/acc, epoch by epoch."""

    def write(session: Session) -> None:
        pack = session.scalars(select(Pack).where(Pack.sweep_id == sweep_id)).first()
        assert pack
        for point, values in points.items():
            for epoch, value in enumerate(values, 1):
                at = {"trial_id": f"{sweep_id}-{point:04d}", "pack_id": pack.id, "at": 1}
                session.add(Report(**at, epoch=epoch, metrics={"val/acc": value}))

    store.write(write)


def submit(api: TestClient, spec: Json, seeds: int = 1) -> str:
    sweep_id: str = api.post("/v1/sweeps", json={**spec, "seeds": seeds}).json()["id"]
    return sweep_id


def test_a_grid_with_seeds(api: TestClient, store: Store, spec: Json) -> None:
    sweep_id = submit(api, spec, seeds=2)
    end(store, sweep_id, {0: [0.80, 0.82], 1: [0.84, 0.87], 2: [0.70, 0.72], 3: [0.74, 0.76]})
    view = api.get(f"/v1/sweeps/{sweep_id}/effects").json()
    assert (view["points"], view["trials"], view["seeds"], view["method"], view["intervals"]) == (
        4, 8, 2, "together", "seeds",
    )  # fmt: skip
    assert view["objective"] == {"metric": "val/acc", "goal": "maximize", "at": "best"}
    by_name = {axis["name"]: axis for axis in view["axes"]}
    assert by_name.keys() == {"dropout", "optimizer"}
    effects = {level["text"]: level["effect"] for axis in view["axes"] for level in axis["levels"]}
    assert sorted(effects.values()) == pytest.approx([-0.05125, -0.02125, 0.02125, 0.05125])
    assert all(level["low"] < level["effect"] < level["high"] for a in view["axes"] for level in a["levels"])
    assert view["left_out"]["words"] == ""
    assert by_name["dropout"]["importance"] is None
    assert view["importance_words"] == "no importance: it needs 10 compared points, got 4"


def test_pruned_failed_and_unfinished_trials_are_left_out_and_counted(
    sqlite_api: TestClient, sqlite_store: Store, spec: Json
) -> None:
    sweep_id = submit(sqlite_api, spec)
    end(sqlite_store, sweep_id, {0: [0.8], 1: ["pruned"], 2: ["failed"]})
    curves(sqlite_store, sweep_id, {0: [0.7, 0.8], 1: [0.3]})
    view = sqlite_api.get(f"/v1/sweeps/{sweep_id}/effects?epoch=2").json()
    assert (view["points"], view["mean"], view["epoch"]) == (1, 0.8, 2)
    assert view["left_out"] == {
        "failed": 1, "pruned": 1, "cancelled": 0, "unfinished": 1, "shorter": 0, "no_value": 0,
        "incomplete": 0, "extra": 0,
        "words": "1 pruned, 1 failed, 1 unfinished",
    }  # fmt: skip
    assert [[level["effect"] for level in axis["levels"]] for axis in view["axes"]] == [[None], [None]]


@pytest.mark.parametrize(
    ("change", "given", "words"),
    [
        ({"space": {}}, {0: [0.5]}, "has one point, so there is nothing to compare it with"),
        ({}, {}, "has no points to compare yet: it is active, and only points whose trials have all trained"),
        ({}, {0: ["failed"]}, "(1 failed, 3 unfinished)"),
    ],
    ids=["one point", "no results", "none has ended well"],
)
def test_without_anything_to_compare_the_answer_says_why(
    sqlite_api: TestClient, sqlite_store: Store, spec: Json, change: Json, given: Given, words: str
) -> None:
    sweep_id = submit(sqlite_api, spec | change)
    end(sqlite_store, sweep_id, given)
    answer = sqlite_api.get(f"/v1/sweeps/{sweep_id}/effects")
    assert answer.status_code == 409
    assert words in answer.json()["detail"]
    assert sqlite_api.get("/v1/sweeps/none/effects").status_code == 404


def test_a_sweep_of_too_many_trials_is_refused(
    sqlite_api: TestClient, spec: Json, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(analyses, "MAX_TRIALS", 3)
    answer = sqlite_api.get(f"/v1/sweeps/{submit(sqlite_api, spec)}/effects")
    assert answer.status_code == 409
    assert "at most 3 trials" in answer.json()["detail"]


def test_where_some_are_pruned_all_are_compared_at_the_epoch_that_they_have_reached(
    api: TestClient, store: Store, spec: Json
) -> None:
    sweep_id = submit(api, spec)
    curves(store, sweep_id, {0: [0.7, 0.8], 1: [0.3], 2: [0.5, 0.9], 3: [0.1]})
    end(store, sweep_id, {0: [0.8], 1: ["pruned"], 2: [0.9], 3: ["pruned"]})
    path = f"/v1/sweeps/{sweep_id}/effects"
    view = api.get(path).json()
    assert (view["points"], view["epoch"], view["left_out"]["words"]) == (4, 1, "")
    assert view["mean"] == pytest.approx(0.4)
    assert view["epochs"] == [{"epoch": 1, "points": 4}, {"epoch": 2, "points": 2}]
    late = api.get(f"{path}?epoch=2").json()
    assert (late["points"], late["epoch"], late["left_out"]["words"]) == (2, 2, "2 pruned")
    assert late["mean"] == pytest.approx(0.85)
    assert late["epochs"] == view["epochs"]
    assert api.get(path).json() == view, "each epoch's effects are kept by themselves"


@pytest.mark.parametrize(("epoch", "status", "words"), [
    (0, 422, "query parameter epoch must be an epoch of sweep"),
    (3, 422, "1 … 2, got 3"),
    (2, 409, "only points whose trials have all reached epoch 2 count (1 pruned, 3 unfinished)"),
])  # fmt: skip
def test_an_epoch_at_which_nothing_can_be_compared_is_refused(
    sqlite_api: TestClient, sqlite_store: Store, spec: Json, epoch: int, status: int, words: str
) -> None:
    sweep_id = submit(sqlite_api, spec)
    end(sqlite_store, sweep_id, {0: ["pruned"]})
    for what in ("effects", "figures/parallel.svg"):
        answer = sqlite_api.get(f"/v1/sweeps/{sweep_id}/{what}?epoch={epoch}")
        assert answer.status_code == status
        assert words in answer.json()["detail"]


def test_effects_are_computed_again_only_if_other_points_are_compared(
    sqlite_api: TestClient, sqlite_store: Store, spec: Json, monkeypatch: pytest.MonkeyPatch
) -> None:
    computed: list[int] = []

    def counted(*given: Any) -> results.Effects:
        computed.append(len(given[2].points))
        return results.effects(*given)

    monkeypatch.setattr(analyses, "effects", counted)
    sweep_id = submit(sqlite_api, spec)

    def shown() -> Json:
        answer: Json = sqlite_api.get(f"/v1/sweeps/{sweep_id}/effects").json()
        return answer

    end(sqlite_store, sweep_id, {0: [0.8], 1: [0.9]})
    assert shown() == shown()
    end(sqlite_store, sweep_id, {2: ["failed"]})
    assert shown()["left_out"]["failed"] == 1
    assert computed == [2]
    end(sqlite_store, sweep_id, {2: [0.7]})
    assert shown()["points"] == 3
    end(sqlite_store, sweep_id, {2: [0.6]})
    assert shown()["mean"] == pytest.approx(2.3 / 3)
    assert computed == [2, 3, 3]
