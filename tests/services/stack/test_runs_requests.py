"""The requests about several runs, in front of a real server: who may ask, and what is answered."""

from __future__ import annotations

import secrets
from typing import Any

import httpx2
import pytest
from mlflow import MlflowClient
from servers.mlflow import Mlflow

from services.tracking import mlflow_server as client_module
from services.tracking import runs_endpoint
from services.tracking.run_change import MetricPoint, NewRun, RunChange, TrainingData

API = "/api/2.0/mlflow/"
FIND = {"experiment_id": "0", "tags": {"a": "b"}, "shown": "a"}


def ask(server: Mlflow, path: str, headers: dict[str, str] | None = None, **how: Any) -> httpx2.Response:
    return httpx2.post(f"{server.url}{API}{path}", headers=headers, **how)


@pytest.mark.parametrize("path", [runs_endpoint.WRITE, runs_endpoint.FIND])
@pytest.mark.parametrize("headers", [{"Host": "evil.example"}, {"Origin": "https://evil.example"}])
def test_they_are_open_to_nobody_whom_mlflow_refuses(
    mlflow_server: Mlflow, path: str, headers: dict[str, str]
) -> None:
    right = {"runs": [], **FIND}
    assert ask(mlflow_server, path, json=right).status_code == 200
    own = ask(mlflow_server, "experiments/search", headers, json={"max_results": 1})
    assert (ask(mlflow_server, path, headers, json=right).status_code, own.status_code) == (403, 403)


def test_each_answer_says_that_the_server_has_them(mlflow_server: Mlflow) -> None:
    for path in "experiments/search", "runs/get", runs_endpoint.WRITE:
        assert runs_endpoint.SIGN in ask(mlflow_server, path, json={}).headers


@pytest.mark.parametrize("body", ["", "{", "3", "[]", "{}", '{"runs": null}', '{"runs": {}}'])
def test_a_body_without_runs_is_refused(mlflow_server: Mlflow, body: str) -> None:
    answer = ask(mlflow_server, runs_endpoint.WRITE, {"Content-Type": "application/json"}, content=body)
    assert answer.status_code == 400
    assert answer.json() == {
        "error_code": "INVALID_PARAMETER_VALUE",
        "message": f'the body must be JSON, {{"runs": [{{…}}, …]}}; got {body!r}',
    }


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        *(("experiment_id", each) for each in (0, "", "x", None)),
        *(("tags", each) for each in (None, {}, [], {"a": 1})),
        *(("shown", each) for each in (None, 1)),
    ],
)
def test_a_search_that_lacks_something_is_refused(mlflow_server: Mlflow, name: str, bad: Any) -> None:
    answer = ask(mlflow_server, runs_endpoint.FIND, json=FIND | {name: bad})
    assert answer.status_code == 400
    assert 'the body must be JSON, {"experiment_id": "1", "tags": {' in answer.json()["message"]


def test_what_is_written_and_found_is_what_mlflows_client_sees(mlflow_server: Mlflow) -> None:
    server = client_module.Server(mlflow_server.url)
    experiment = server.experiment(secrets.token_hex(4), {})
    change = RunChange(
        NewRun(experiment, "t001", 5, {"mlflow.user": "cnnlab", "trial.id": "a-1", "sweep.id": "a"}),
        [MetricPoint("val/acc", 0.5, 7, 1), MetricPoint("val/acc", 0.75, 9, 2)],
        {"lr": "0.1"},
        {"trial.state": "succeeded"},
        TrainingData("mnist", "abc", "{}"),
        "FINISHED",
        11,
    )
    unusual = RunChange("f" * 32, tags={"a": "1"})
    other = RunChange(NewRun(experiment, "t002", 4, {"sweep.id": "a"}), status="RUNNING")
    run_id, nothing, second = server.write_runs([change, unusual, other])
    assert (nothing, run_id is None, second is None) == (None, False, False)
    client = MlflowClient(mlflow_server.url)
    run = client.get_run(str(run_id))
    assert (run.info.run_name, run.info.status, run.info.end_time) == ("t001", "FINISHED", 11)
    assert (run.data.params, run.data.metrics) == ({"lr": "0.1"}, {"val/acc": 0.75})
    assert run.data.tags["trial.state"] == "succeeded"
    assert [each.dataset.name for each in run.inputs.dataset_inputs] == ["mnist"]
    history = client.get_metric_history(str(run_id), "val/acc")
    assert [(point.step, point.value, point.timestamp) for point in history] == [(1, 0.5, 7), (2, 0.75, 9)]

    client.delete_run(str(second))
    found = server.runs(experiment, {"sweep.id": "a"}, "trial.id")
    assert [(each.run_id, each.deleted, dict(each.tags)) for each in found] == [
        (second, True, {}),
        (run_id, False, {"trial.id": "a-1"}),
    ]
    assert server.runs(experiment, {"sweep.id": "a", "trial.id": "a-2"}) == []
    assert server.runs("0", {"sweep.id": "a"}) == []
    server.takes_several = False
    for one, by_mlflow in zip(found, server.runs(experiment, {"sweep.id": "a"}), strict=True):
        for name in "run_id", "experiment_id", "deleted", "artifacts", "status", "name":
            assert getattr(one, name) == getattr(by_mlflow, name)
        assert one.tags.items() <= by_mlflow.tags.items()
    assert server.takes_several
