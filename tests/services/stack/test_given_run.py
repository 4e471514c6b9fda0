"""A run as a request gives it: what MLflow would refuse, or would have to compare, is not taken."""

from __future__ import annotations

import math
from typing import Any

import pytest

from services.stack import given_run
from services.stack.given_run import GivenData, GivenRun, RunToMake

NEW = {"experiment_id": "1", "user_id": "cnnlab", "run_name": "t001", "start_time": 5}
DATA = {"name": "mnist", "digest": "abc", "source": "{}"}
USUAL = {
    "run_id": None,
    "new": NEW,
    "metrics": [["val/acc", 0.5, 7, 1], ["val/loss", "NaN", 7, 1], ["steps", 3, 7, 1]],
    "params": {"lr": "0.1"},
    "tags": {"trial.state": "succeeded"},
    "data": DATA,
    "status": "FINISHED",
    "end_time": 11,
}
NOTHING = {"params": {}, "data": None, "status": None, "end_time": None}
KNOWN = {**USUAL, "run_id": "a" * 32, "new": None, **NOTHING}


def test_a_new_run_is_read() -> None:
    found = given_run.read(USUAL)
    assert found is not None
    metrics = found.metrics
    assert math.isnan(metrics[1][1])
    assert [metrics[0], metrics[2]] == [("val/acc", 0.5, 7, 1), ("steps", 3.0, 7, 1)]
    run, data = RunToMake("1", "cnnlab", "t001", 5), GivenData("mnist", "abc", "{}")
    params, tags = {"lr": "0.1"}, {"trial.state": "succeeded"}
    assert found == GivenRun(run, metrics, params, tags, data, "FINISHED", 11)


def test_a_known_run_is_read() -> None:
    found = given_run.read(KNOWN)
    assert found is not None
    assert (found.run, found.status, found.end, found.data) == ("a" * 32, None, None, None)


@pytest.mark.parametrize(
    ("given", "right"), [("NaN", math.nan), ("Infinity", math.inf), ("-Infinity", -math.inf)]
)
def test_values_that_are_not_finite_are_texts(given: str, right: float) -> None:
    found = given_run.read({**USUAL, "metrics": [["x", given, 1, 1]]})
    assert found is not None
    assert repr(found.metrics[0][1]) == repr(right)


WRONG: dict[str, list[Any]] = {
    "new": [3, {}, *({**NEW, name: bad} for name in NEW for bad in (None, [])), {**NEW, "run_name": ""}]
    + [{**NEW, "experiment_id": bad} for bad in ("", "x", "-1")]
    + [{**NEW, "start_time": bad} for bad in ("5", -1, 5.5, True, 2**63)],
    "metrics": [None, 3, [3], ["abcd"], [["x", 0.5, 7]], [["x", 0.5, 7, 1, 1]]]
    + [[["x", bad, 7, 1]] for bad in (None, "1.0", "nan", True, [], {})]
    + [[["x", 0.5, bad, 1]] for bad in (None, "7", -1, 7.5, True, 2**63)]
    + [[["x", 0.5, 7, bad]] for bad in (None, "1", 1.5, False, -(2**63) - 1)]
    + [[[bad, 0.5, 7, 1]] for bad in (None, 3, "", "a\nb", "/a", "../a", "a//b", "n" * 251)],
    "params": [None, 3, ["lr"], {"lr": 0.1}, {"lr": None}, {"": "1"}, {"a//b": "1"}, {"lr": "x" * 6001}],
    "tags": [
        *(None, 3, {"a": 1}, {"a": None}, {"/a": "1"}, {"mlflow.runName": "other"}),
        *({name: "x" * size} for name, size in (("n" * 251, 1), ("a", 8001))),
    ],
    "data": [
        *(3, {}, *({**DATA, name: bad} for name in DATA for bad in (None, 3))),
        *({**DATA, name: "x" * size} for name, size in (("name", 501), ("digest", 37), ("source", 65536))),
    ],
    "status": [3, "", "finished", "DONE", [], None],  # None: a new run has one
    "end_time": ["11", -1, 1.5, True],
}


@pytest.mark.parametrize(("name", "bad"), [(name, bad) for name, each in WRONG.items() for bad in each])
def test_what_is_not_usual_is_not_taken(name: str, bad: Any) -> None:
    assert given_run.read({**USUAL, name: bad}) is None


@pytest.mark.parametrize("name", USUAL)
def test_what_is_missing_is_not_taken(name: str) -> None:
    document = {**KNOWN}
    del document[name]
    assert given_run.read(document) is None


@pytest.mark.parametrize("bad", [None, 3, "run", [], {}])
def test_what_is_no_run_is_not_taken(bad: Any) -> None:
    assert given_run.read(bad) is None


@pytest.mark.parametrize(
    "changes", [{"run_id": None}, {"run_id": 3}, {"params": {"lr": "1"}}, {"data": DATA}]
)
def test_a_known_run_gets_neither_params_nor_data(changes: dict[str, Any]) -> None:
    """MLflow compares them with those that it has."""
    assert given_run.read({**KNOWN, **changes}) is None
