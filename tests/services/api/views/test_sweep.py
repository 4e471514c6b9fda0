"""A sweep's view: its folds, and what it says of its images."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, update

from benchmarks.tables import drawing
from services.domain.results.intervals import interval
from services.store import sweeps
from services.store.models import Trial
from services.store.session import Session, Store

Json = dict[str, Any]


def folded(spec: Json, **changes: Any) -> Json:
    return (
        spec | {"data": {"name": "fashion-mnist-mini", "folds": 5}, "space": {"dropout": [0, 0.25]}} | changes
    )


def give(store: Store, sweep_id: str, values: dict[int, list[float]]) -> None:
    """Let the trials of these points have these best values, replicate by replicate."""

    def write(session: Session) -> None:
        drawing.draw(session, sweeps.lock(session, sweep_id), 1000)
        for point, replicates in values.items():
            for replicate, value in enumerate(replicates):
                here = (Trial.sweep_id == sweep_id, Trial.point == point, Trial.replicate == replicate)
                ended = {"best_value": value, "epoch": 2, "state": "succeeded", "pack_id": None}
                session.execute(update(Trial).where(*here).values(**ended))

    store.write(write)


def test_means_and_intervals_are_over_folds(sqlite_api: TestClient, sqlite_store: Store, spec: Json) -> None:
    sweep = sqlite_api.post("/v1/sweeps", json=folded(spec, seeds=2)).json()
    assert (sweep["seeds"], sweep["folds"], sweep["points"], sweep["trials"]["total"]) == (2, 5, 2, 20)
    (note,) = sweep["data_notes"]
    assert note == "validated in 5 folds of about 1,200 images; data.validation says nothing here"
    _check_packs(sqlite_store, sweep["id"])
    best = [0.90, 0.91, 0.92, 0.93, 0.94, 0.80, 0.81, 0.86, 0.83, 0.84]
    give(sqlite_store, sweep["id"], {0: best, 1: [value - 0.1 for value in best]})
    board = sqlite_api.get(f"/v1/sweeps/{sweep['id']}/leaderboard").json()
    first = board["points"][0]
    folds = [(best[fold] + best[fold + 5]) / 2 for fold in range(5)]
    assert (first["n"], first["folds"], len(first["trials"])) == (5, 5, 10)
    assert (first["low"], first["high"]) == pytest.approx(interval(folds))
    assert first["images"] == 6000  # all folds together
    assert "on each of 5 folds" in board["comparison"]["words"]
    effects = sqlite_api.get(f"/v1/sweeps/{sweep['id']}/effects").json()
    assert (effects["intervals"], effects["seeds"], effects["folds"]) == ("folds", 2, 5)
    assert "over 5 folds, paired by fold" in effects["words"]


def _check_packs(store: Store, sweep_id: str) -> None:
    """Every pack that was formed has trials of one replicate, and so of one fold."""
    query = select(Trial.pack_id, Trial.replicate).where(
        Trial.sweep_id == sweep_id, Trial.pack_id.is_not(None)
    )
    rows = store.read(lambda session: list(session.execute(query)))
    folds: dict[str, set[int]] = {}
    for pack, replicate in rows:
        folds.setdefault(pack, set()).add(replicate)
    assert folds
    assert max(map(len, folds.values())) == 1


def test_a_search_by_results_forms_packs_of_one_fold(
    sqlite_api: TestClient, sqlite_store: Store, spec: Json
) -> None:
    search = {"search": "tpe", "max_trials": 60, "space": {"dropout": {"uniform": [0, 0.5]}}}
    sweep = sqlite_api.post("/v1/sweeps", json=folded(spec, **search)).json()
    _check_packs(sqlite_store, sweep["id"])


def test_a_dry_run_counts_folds_and_packs_of_one_fold(sqlite_api: TestClient, spec: Json) -> None:
    found = sqlite_api.post("/v1/sweeps?dry_run=true", json=folded(spec)).json()
    assert (found["seeds"], found["folds"], found["trials"], found["packs"]) == (1, 5, 10, 5)
    assert found["data_notes"][0].startswith("validated in 5 folds")


def test_images_in_two_parts_and_an_own_part_are_named(
    sqlite_api: TestClient, spec: Json, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CNNLAB_DATA", str(tmp_path))
    x = np.random.default_rng(0).integers(0, 256, (40, 28, 28), dtype=np.uint8)
    y, names = np.arange(40) % 2, np.array(["cats", "dogs"])
    np.savez(tmp_path / "a.npz", train_x=x, train_y=y, val_x=x[:4], val_y=y[:4], class_names=names)
    data, train = {"name": "npz", "path": "a.npz"}, {"epochs": 1, "metrics": ["recall"], "test": "never"}
    sweep = sqlite_api.post("/v1/sweeps", json=spec | {"data": data, "train": train}).json()
    assert sweep["class_names"] == [["cats", "dogs"]]
    classes = {"recall-0": "cats", "recall-1": "dogs"}
    assert sweep["classes_of_metrics"] == classes
    trial = sqlite_api.get(f"/v1/sweeps/{sweep['id']}/trials").json()["trials"][0]
    assert sqlite_api.get(f"/v1/trials/{trial['id']}").json()["classes_of_metrics"] == classes
    assert sweep["data_notes"] == [
        "validated on the 4 images of the data set's own part; data.validation says nothing here",
        "4 of 4 validation images are training images, too: val_x[0] is train_x[0]",
    ]


@pytest.mark.parametrize(
    ("data", "pointer", "words"),
    [
        ({"folds": 1}, "/data/folds", "must be 0, for none, or from 2 to 100; got 1"),
        ({"folds": "all"}, "/data/folds", "must be an integer"),
        ({"fraction": 0}, "/data/fraction", "must be a number from 1e-06 to 1"),
        ({"fraction": 0.0001}, "/data/fraction", "must be at least 0.00084"),
        (
            {"validation_indices": "none.json"},
            "/data/validation_indices",
            "none.json is not below CNNLAB_DATA",
        ),
        (
            {"validation_indices": "far.json"},
            "/data/validation_indices",
            "value 1 of the list must be .* got 6000",
        ),
        (
            {"validation_indices": "v.json", "folds": 3},
            "/data/folds",
            "must be 0: data.validation_indices names",
        ),
    ],
)
def test_wrong_fields_are_refused_at_their_places(
    sqlite_api: TestClient,
    spec: Json,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    data: Json,
    pointer: str,
    words: str,
) -> None:
    monkeypatch.setenv("CNNLAB_DATA", str(tmp_path))
    (tmp_path / "far.json").write_text(json.dumps([6000]))
    (tmp_path / "v.json").write_text(json.dumps([1]))
    answer = sqlite_api.post("/v1/sweeps", json=spec | {"data": {"name": "fashion-mnist-mini"} | data})
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert error["pointer"] == pointer
    assert re.search(words, error["detail"]), error


def test_the_fraction_of_the_images_is_an_axis(sqlite_api: TestClient, spec: Json) -> None:
    space = {"data.fraction": [0.1, 0.5, 1]}
    found = sqlite_api.post("/v1/sweeps?dry_run=true", json=spec | {"space": space}).json()
    assert (found["points"], len(found["shapes"])) == (3, 3)
