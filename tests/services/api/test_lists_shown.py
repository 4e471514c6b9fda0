"""Hyperparameters whose values are lists: one list or several, and wherever a point is shown."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from fastapi.testclient import TestClient
from paper_sweep import trials_of
from stage import Worker, accuracy, add

from services.api.library import Library
from services.domain.planning.planner import make_plan
from services.domain.spec.spec import Spec
from services.store import sweeps
from services.store.session import Store
from services.tracking import trial_run

SPEC: dict[str, Any] = {
    "name": "lists",
    "model": "cnn",
    "data": {"name": "fashion-mnist-mini", "validation": 0.1},
    "train": {"epochs": 6},
    "space": {
        "model.filters": [[8], [8, 16]],
        "model.hidden": ["none", 64, [32, 16]],
        "model.dropout": [0.0, 0.5],
    },
    "points": [{"filters": [8, 16], "hidden": [32, 16], "dropout": 0.5}],
}
HIDDEN = [[], [64], [32, 16]]


@pytest.fixture
def sweep_id(sqlite_store: Store) -> str:
    """A finished sweep over lists."""
    found = add(sqlite_store, **SPEC)
    Worker(sqlite_store, accuracy).finish(found)
    return found


def refused(api: TestClient, **changes: Any) -> dict[str, str]:
    """What is wrong with the changed spec, by pointer."""
    answer = api.post("/v1/sweeps?dry_run=true", json=SPEC | {"points": []} | changes)
    assert answer.status_code == 422, answer.text
    return {each["pointer"]: each["detail"] for each in answer.json()["errors"]}


def test_each_list_is_a_shape_and_a_rate_is_a_rows(sqlite_api: TestClient) -> None:
    answer = sqlite_api.post("/v1/sweeps?dry_run=true", json=SPEC).json()
    assert len(answer["shapes"]) == 2 * len(HIDDEN)
    assert {shape["trials"] for shape in answer["shapes"]} == {2}


def test_a_plain_list_of_numbers_is_refused_with_both_readings(sqlite_api: TestClient) -> None:
    [(place, detail)] = refused(sqlite_api, space={"model.filters": [16, 32]}).items()
    assert place == "/space/model.filters"
    assert detail == (
        "axis 'model.filters' has lists as values, so [16, 32] could be one of them or 2; write [[16, 32]] "
        "for this one list, {choice: [16, 32]} for 2 of one number each"
    )


@pytest.mark.parametrize(
    ("written", "values"),
    [
        ([[16, 32]], [[16, 32]]),
        ({"choice": [16, 32]}, [[16], [32]]),
        ([16, [16, 32]], [[16], [16, 32]]),
        ("16-32", [[16, 32]]),
        (["16-32", "8"], [[16, 32], [8]]),
        ([16], [[16]]),
        (16, [[16]]),
        ({"int": [8, 64], "step": 2, "log": True}, [[8], [16], [32], [64]]),
        ({"int": [8, 24], "step": 8}, [[8], [16], [24]]),
    ],
)
def test_every_other_way_to_write_it_has_one_meaning(written: Any, values: Any) -> None:
    spec = Spec.model_validate(SPEC | {"space": {"filters": written}, "points": []})
    [axis] = make_plan(spec, Library(), limit=1000, memory=1 << 30).axes
    assert axis.values == values


@pytest.mark.parametrize(
    ("space", "place", "words"),
    [
        (
            {"model.filters": [[[8]]]},
            "/space/model.filters/0/0",
            "an integer from 1 to 65536, got [8]",
        ),
        ({"model.filters": [[8], [8, -2]]}, "/space/model.filters/1/1", "got -2"),
        ({"model.filters": [[8], []]}, "/space/model.filters/1", "must be 1 to 16 widths"),
        ({"model.filters": [[8], "8"]}, "/space/model.filters", "two values of this axis are equal"),
        ({"model.hidden": ["none", []]}, "/space/model.hidden", "two values of this axis are equal"),
        ({"model.filters": [[8], [8]]}, "/space/model.filters", "has the value [8] twice"),
        ({"model.filters": [[8], {"a": 1}]}, "/space/model.filters/1", "must be 1 to 16 widths"),
        (
            {"model.hidden": {"uniform": [8, 9]}},
            "/space/model.hidden",
            "an integer from 1 to 65536, got 8.38",
        ),
        ({"model.hidden": {"int": [0, 8], "step": 2, "log": True}}, "/space/model.hidden", "at 1 or above"),
        ({"model.hidden": {"int": [1, 8], "log": True}}, "/space/model.hidden", "step: 2, log: true}; got 1"),
        ({"model.hidden": {"int": [1, 8], "step": 2, "log": 1}}, "/space/model.hidden/log", "boolean"),
        ({"model.hidden": [None, 8]}, "/space/model.hidden/0", "must be none or at most 16 widths"),
        ({"model.kernel": [3, 4]}, "/space/model.kernel/1", "must be odd where model.padding is same, got 4"),
        (
            {"model.kernel": {"choice": [3, 29]}, "model.padding": ["valid"]},
            "/space/model.kernel/choice/1",
            "at most 28 in convolution 1 of block 1",
        ),
        ({"model.blocks": [2, 1]}, "/space/model.blocks/1", "must be 0 or at least 2"),
    ],
)
def test_what_is_wrong_is_refused_at_its_place(
    sqlite_api: TestClient, space: Any, place: str, words: str
) -> None:
    found = refused(sqlite_api, space=space)
    assert words in found.get(place, ""), found


def test_a_range_too_long_to_list_is_none_of_lists(sqlite_api: TestClient) -> None:
    space = {"model.hidden": {"int": [1, 5000]}}
    [(place, detail)] = refused(sqlite_api, space=space, search="random", max_trials=5).items()
    assert place == "/space/model.hidden"
    assert detail.endswith("give a list, or a step that leaves at most 1,000 values")


def test_a_fault_in_a_list_of_a_section_is_refused_at_its_place(sqlite_api: TestClient) -> None:
    found = refused(sqlite_api, model={"name": "cnn", "filters": [8, 0], "hidden": "9-0"}, space={})
    assert "got 0" in found["/model/filters/1"]
    assert found["/model/hidden"] == "must be an integer from 1 to 65536, got 0"
    piecewise = {"name": "piecewise", "pieces": [[1, 0.1], [2, -1]]}
    found = refused(sqlite_api, space={"train.schedule": ["constant", piecewise]})
    assert [*found] == ["/space/train.schedule/1/pieces/1/1"]


def test_trials_cells_and_labels(sqlite_api: TestClient, sweep_id: str) -> None:
    trials = sqlite_api.get(f"/v1/sweeps/{sweep_id}/trials").json()["trials"]
    assert {str(trial["values"]["model.hidden"]) for trial in trials} == {str(own) for own in HIDDEN}
    first = sqlite_api.get(f"/v1/trials/{sweep_id}-0000").json()
    assert first["label"] == "filters [8, 16], hidden [32, 16], dropout 0.5", "the given point"
    assert first["config"]["model"]["filters"] == [8, 16]


def test_the_table_as_csv_and_json(sqlite_api: TestClient, sweep_id: str) -> None:
    table = sqlite_api.get(f"/v1/sweeps/{sweep_id}/export/trials?format=csv").text
    rows = list(csv.DictReader(io.StringIO(table)))
    assert {row["model.filters"] for row in rows} == {"[8]", "[8, 16]"}
    found = sqlite_api.get(f"/v1/sweeps/{sweep_id}/export/trials?format=json").json()
    assert {str(row["model.hidden"]) for row in found} == {str(own) for own in HIDDEN}


def test_params_in_mlflow(sqlite_store: Store, sweep_id: str) -> None:
    trial = trials_of(sqlite_store, sweep_id)[0]
    plan = sqlite_store.read(lambda session: sweeps.get(session, sweep_id)).plan
    assert trial_run.params(trial, plan)["model.filters"] == "[8, 16]"


def test_effects_and_importance(sqlite_api: TestClient, sweep_id: str) -> None:
    effects = sqlite_api.get(f"/v1/sweeps/{sweep_id}/effects")
    assert effects.status_code == 200, effects.text
    text = effects.text
    assert "[32, 16]" in text or "[32,16]" in text
    best = sqlite_api.get(f"/v1/sweeps/{sweep_id}/best").json()
    assert best["spec"]["model"]["filters"] in ([8], [8, 16])


@pytest.mark.parametrize("figure", ["effects", "heat-map", "parallel"])
def test_figures(sqlite_api: TestClient, sweep_id: str, figure: str) -> None:
    answer = sqlite_api.get(f"/v1/sweeps/{sweep_id}/figures/{figure}.svg")
    assert answer.status_code == 200, answer.text
    assert "[32, 16]" in answer.text


def test_a_condition_on_a_list(sqlite_api: TestClient) -> None:
    space = {
        "model.filters": [[8], [8, 16]],
        "model.kernel": {"choice": [3, 5], "when": {"model.filters": [[8, 16]]}},
    }
    answer = sqlite_api.post("/v1/sweeps?dry_run=true", json=SPEC | {"space": space, "points": []})
    assert answer.status_code == 200, answer.text
    assert answer.json()["points"] == 3


@pytest.mark.parametrize("search", ["random", "sobol", "tpe", "cma-es"])
def test_every_search_takes_lists(sqlite_store: Store, search: str) -> None:
    found = add(sqlite_store, **SPEC, search=search, max_trials=8)
    Worker(sqlite_store, accuracy).finish(found)
    seen = {str(trial.values["model.hidden"]) for trial in trials_of(sqlite_store, found)}
    assert seen <= {str(own) for own in HIDDEN}
    assert len(seen) > 1
