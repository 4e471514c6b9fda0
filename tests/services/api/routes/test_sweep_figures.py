"""GET /v1/sweeps/{id}/figures/{figure}.svg: four figures of the points that can be compared."""

from __future__ import annotations

from typing import Any

import pytest
from drawn_figures import parsed, texts
from fastapi.testclient import TestClient
from sqlalchemy import select, update

from benchmarks.tables import drawing
from services.store import sweeps
from services.store.models import Pack, Report, Trial
from services.store.session import Session, Store

Json = dict[str, Any]
FIGURES = ["effects", "heat-map", "parallel", "history"]


@pytest.fixture
def sweep_id(sqlite_api: TestClient, sqlite_store: Store, spec: Json) -> str:
    """A random search with a conditional axis, of which one trial was pruned."""
    spec["space"] = {
        "train.optimizer": ["momentum", "adam"],
        "train.optimizer.lr": {"log_uniform": [0.0001, 0.1]},
        "train.optimizer.beta1": {"uniform": [0.8, 0.95], "when": {"train.optimizer": "adam"}},
    }
    found: str = sqlite_api.post("/v1/sweeps", json={**spec, "search": "random", "max_trials": 12}).json()[
        "id"
    ]

    def write(session: Session) -> None:
        drawing.draw(session, sweeps.lock(session, found), 1000)
        pack = session.scalars(select(Pack).where(Pack.sweep_id == found)).first()
        assert pack
        for trial in session.scalars(select(Trial).where(Trial.sweep_id == found)).all():
            new: Json = {"state": "succeeded", "best_value": 0.8 + trial.number / 100, "epoch": 2}
            if trial.number == 5:
                new |= {"state": "pruned", "epoch": 1, "best_value": 0.99}
            for epoch in range(1, new["epoch"] + 1):
                metrics = {"val/acc": new["best_value"]}
                session.add(Report(trial_id=trial.id, pack_id=pack.id, at=1, epoch=epoch, metrics=metrics))
            new |= {"finished_at": 100 - trial.number, "pack_id": None}
            session.execute(update(Trial).where(Trial.id == trial.id).values(new))

    sqlite_store.write(write)
    return found


def drawn(api: TestClient, sweep_id: str, name: str, **query: str) -> list[str]:
    answer = api.get(f"/v1/sweeps/{sweep_id}/figures/{name}.svg", params=query)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "image/svg+xml"
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
    return texts(parsed(answer.text))


@pytest.mark.parametrize("name", FIGURES)
def test_each_figure_is_drawn_and_names_the_sweep(sqlite_api: TestClient, sweep_id: str, name: str) -> None:
    shown = drawn(sqlite_api, sweep_id, name)
    assert shown[0].startswith("small: ")
    if name == "history":
        assert (
            shown[1]
            == "12 trials have ended; a dot is the value of one; that of a pruned one is its value so far"
        )
    else:
        assert shown[1] == "12 points compared at epoch 1"
        assert "none" in " ".join(shown)


@pytest.mark.parametrize("name", FIGURES[:3])
def test_a_figure_is_that_of_the_chosen_epoch(sqlite_api: TestClient, sweep_id: str, name: str) -> None:
    shown = drawn(sqlite_api, sweep_id, name, epoch="2")
    assert shown[1] == "11 points compared at epoch 2; left out: 1 pruned"


def test_the_history_is_in_the_order_in_which_trials_ended(sqlite_api: TestClient, sweep_id: str) -> None:
    answer = sqlite_api.get(f"/v1/sweeps/{sweep_id}/figures/history.svg").text
    [line, _] = [each.get("d", "") for each in parsed(answer).iter() if each.get("stroke-width") == "2"]
    # The last number ended first: from 0.91 nothing is better until the pruned trial with 0.99.
    heights = [part.split("H")[0] for part in line.replace("M", "V").split("V")[1:]]
    assert len(set(heights)) == 2


def test_the_axes_of_a_heat_map_are_chosen_by_name_or_path(sqlite_api: TestClient, sweep_id: str) -> None:
    shown = drawn(sqlite_api, sweep_id, "heat-map", x="beta1", y="train.optimizer.lr")
    assert shown[0].endswith(": lr and beta1")
    assert ": optimizer and " in drawn(sqlite_api, sweep_id, "heat-map", y="optimizer")[0]
    for query, words in {
        "x=lr&y=lr": "must name two different axes, got 'lr' for both",
        "x=lr&y=train.optimizer.lr": "must name two different axes",
        "x=optimiser": "must name an axis that varies (beta1, lr, optimizer), got 'optimiser'. Did you mean",
    }.items():
        answer = sqlite_api.get(f"/v1/sweeps/{sweep_id}/figures/heat-map.svg?{query}")
        assert answer.status_code == 422
        assert words in answer.json()["detail"]


def test_one_axis_has_no_heat_map(sqlite_api: TestClient, sqlite_store: Store, spec: Json) -> None:
    spec["space"] = {"dropout": [0.0, 0.5]}
    only = sqlite_api.post("/v1/sweeps", json=spec).json()["id"]
    values = {"state": "succeeded", "best_value": 0.5, "epoch": 2, "pack_id": None}
    sqlite_store.write(lambda s: s.execute(update(Trial).where(Trial.sweep_id == only).values(values)))
    assert len(drawn(sqlite_api, only, "parallel")) > 5
    answer = sqlite_api.get(f"/v1/sweeps/{only}/figures/heat-map.svg")
    assert (answer.status_code, "only dropout varies" in answer.json()["detail"]) == (409, True)


def test_what_cannot_be_drawn_is_refused(sqlite_api: TestClient, spec: Json, sweep_id: str) -> None:
    assert sqlite_api.get(f"/v1/sweeps/{sweep_id}/figures/pie.svg").status_code == 422
    spec["space"] = {"dropout": [0.0, 0.5]}
    fresh = sqlite_api.post("/v1/sweeps", json=spec).json()["id"]
    for name in FIGURES:
        assert sqlite_api.get(f"/v1/sweeps/{fresh}/figures/{name}.svg").status_code == 409
