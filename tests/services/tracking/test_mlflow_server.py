"""services/tracking/mlflow_server.py, in front of a client that records what it is asked."""

from __future__ import annotations

from typing import Any

import pytest
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import ErrorCode
from requests import ConnectionError

from services.tracking.mlflow_server import (
    MAX_PARAM_CHARS,
    MAX_PER_REQUEST,
    MAX_TAG_CHARS,
    Gone,
    MetricPoint,
    Rejected,
    Server,
    TrackingDown,
)


class Client:
    """Records batches, or fails."""

    def __init__(self, error: Exception | None = None) -> None:
        self.batches: list[tuple[Any, Any, Any]] = []
        self.error = error

    def log_batch(self, run_id: str, metrics: Any, params: Any, tags: Any, synchronous: bool) -> None:
        self.batches.append((metrics, params, tags))

    def get_run(self, run_id: str) -> None:
        assert self.error
        raise self.error


def server(client: Client) -> Server:
    made = Server("http://127.0.0.1:1")
    made.__dict__["_client"] = client
    return made


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (MlflowException("no such run", ErrorCode.Value("RESOURCE_DOES_NOT_EXIST")), Gone),
        (MlflowException("the run is deleted", ErrorCode.Value("INVALID_PARAMETER_VALUE")), Rejected),
        (MlflowException("internal", ErrorCode.Value("INTERNAL_ERROR")), TrackingDown),
        (ConnectionError("refused"), TrackingDown),
    ],
)
def test_failures_are_told_apart(error: Exception, expected: type[Exception]) -> None:
    with pytest.raises(expected):
        server(Client(error)).run("a run")


def test_what_is_too_much_for_one_request_is_split_and_loses_nothing() -> None:
    client = Client()
    points = [MetricPoint("loss", float(step), step, step) for step in range(MAX_PER_REQUEST["metrics"] + 1)]
    params = {f"p{number}": "x" for number in range(MAX_PER_REQUEST["params"] + 5)}
    server(client).log("a run", points, params, {"state": "running"})
    assert [(len(m), len(p), len(t)) for m, p, t in client.batches] == [(1000, 100, 1), (1, 5, 0)]
    assert [metric.step for metrics, _, _ in client.batches for metric in metrics] == list(range(1001))


def test_texts_that_are_too_long_are_cut() -> None:
    client = Client()
    server(client).log("a run", params={"long": "x" * 7000}, tags={"long": "y" * 7000, "short": "z"})
    ((_, params, tags),) = client.batches
    assert params[0].value == "x" * (MAX_PARAM_CHARS - 1) + "…"
    assert [len(tag.value) for tag in tags] == [MAX_TAG_CHARS, 1]
