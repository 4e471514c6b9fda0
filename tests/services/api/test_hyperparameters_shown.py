"""Whatever shows a point shows what trained it, where one axis sets a value inside the choices of another."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from fastapi.testclient import TestClient
from paper_sweep import trials_of
from stage import Worker, accuracy, add

from services.domain.config import read
from services.store import sweeps
from services.store.session import Store
from services.tracking import names, ranked_sweep, report, trial_run

SPEC: dict[str, Any] = {
    "name": "overruled",
    "model": "lenet5",
    "data": {"name": "fashion-mnist-mini", "validation": 0.1},
    "train": {"epochs": 6},
    "space": {
        "model": ["lenet5", {"name": "lenet5", "activation": "relu", "dropout": 0.4}],
        "model.dropout": [0.1, 0.2],
        "train.optimizer": ["momentum", {"name": "adam", "lr": 0.007}],
        "train.optimizer.lr": [0.01, 0.05],
    },
}
INNER = {"train.optimizer": "train.optimizer.lr", "model": "model.dropout"}


@pytest.fixture
def sweep_id(sqlite_store: Store) -> str:
    """A finished sweep whose optimizers and models have values that other axes set."""
    found = add(sqlite_store, **SPEC)
    Worker(sqlite_store, accuracy).finish(found)
    return found


def choices(document: Any) -> Iterator[Mapping[str, Any]]:
    """Every object in a document that gives values by the paths of axes."""
    if isinstance(document, dict):
        if INNER.keys() <= document.keys():
            yield document
        for value in document.values():
            yield from choices(value)
    elif isinstance(document, list):
        for value in document:
            yield from choices(value)


def check(found: Mapping[str, Any]) -> None:
    """Each entry holds the value that trained."""
    for outer, inner in INNER.items():
        entry = found[outer]
        entry = json.loads(entry) if isinstance(entry, str) else entry
        assert entry[inner.rpartition(".")[2]] == float(found[inner])


@pytest.mark.parametrize(
    "path",
    ["trials", "leaderboard", "best", "export/trials?format=json", ""],
    ids=lambda path: path or "sweep",
)
def test_answers_of_the_api(sqlite_api: TestClient, sweep_id: str, path: str) -> None:
    found = list(choices(sqlite_api.get(f"/v1/sweeps/{sweep_id}/{path}".rstrip("/")).json()))
    assert found
    for values in found:
        check(values)


def test_a_dry_run(sqlite_api: TestClient) -> None:
    space = {path: SPEC["space"][path] for path in ("model", "model.dropout")}
    answer = sqlite_api.post("/v1/sweeps?dry_run=true", json={**SPEC, "space": space}).json()
    assert answer["shapes"]
    for shape in answer["shapes"]:
        assert "dropout" not in shape["values"]["model"], "its trials differ in that"
        [cell] = shape["cells"]
        assert "dropout" not in cell["text"]


def test_a_trial_and_its_label(sqlite_api: TestClient, sweep_id: str) -> None:
    for number in range(sqlite_api.get(f"/v1/sweeps/{sweep_id}").json()["trials"]["total"]):
        trial = sqlite_api.get(f"/v1/trials/{sweep_id}-{number:04d}").json()
        check(trial["values"])
        parts = trial["label"].split(", ")
        for name in ("lr", "dropout"):
            [shown] = [part for part in parts if part.startswith(f"{name} ")]
            path = next(inner for inner in INNER.values() if inner.endswith(name))
            assert float(shown.split()[1]) == read(trial["config"], path)


def test_the_winner_is_trained_again_with_what_won(sqlite_api: TestClient, sweep_id: str) -> None:
    best = sqlite_api.get(f"/v1/sweeps/{sweep_id}/best").json()
    for inner in INNER.values():
        assert read(best["spec"], inner) == best["point"]["values"][inner]


def test_the_table_of_trials_as_csv(sqlite_api: TestClient, sweep_id: str) -> None:
    table = sqlite_api.get(f"/v1/sweeps/{sweep_id}/export/trials?format=csv").text
    rows = list(csv.DictReader(io.StringIO(table)))
    assert len(rows) == 16
    for row in rows:
        check(row)


def test_runs_and_tables_in_mlflow(sqlite_store: Store, sweep_id: str) -> None:
    ranked = sqlite_store.read(lambda session: ranked_sweep.read(session, sweep_id))
    for table in (report.leaderboard(ranked), report.trials(ranked)):
        for row in csv.DictReader(io.StringIO(table)):
            check(row)
    for trial in trials_of(sqlite_store, sweep_id):
        plan = sqlite_store.read(lambda session: sweeps.get(session, sweep_id)).plan
        params = trial_run.params(trial, plan)
        assert params["train.optimizer.lr"] == str(trial.values["train.optimizer.lr"])
        assert params["train.optimizer"] == trial.values["train.optimizer"]["name"]
        assert f"lr {trial.values['train.optimizer.lr']}" in names.run(trial.number, 0, trial.values, plan)
