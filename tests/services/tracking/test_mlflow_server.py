"""services/tracking/mlflow_server.py, in front of a server that records what it is asked."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.local_artifact_repo import LocalArtifactRepository

from services.tracking import mlflow_server
from services.tracking.mlflow_server import (
    MAX_PARAM_CHARS,
    MAX_PER_REQUEST,
    MAX_TAG_CHARS,
    Gone,
    MlflowRun,
    Rejected,
    Server,
    TrackingDown,
)
from services.tracking.run_change import MetricPoint


class Answering:
    """Records what is asked, and gives one answer to everything."""

    def __init__(self, status: int = 200, text: str = "{}") -> None:
        self.asked: list[httpx2.Request] = []
        self.status, self.text = status, text

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(request)
        return httpx2.Response(self.status, text=self.text)

    @property
    def bodies(self) -> list[Any]:
        """What was sent."""
        return [json.loads(request.content) for request in self.asked]


def server(answering: Callable[[httpx2.Request], httpx2.Response], url: str = "http://mlflow:1") -> Server:
    made = Server(url)
    made._http._transport = httpx2.MockTransport(answering)
    return made


def refused(request: httpx2.Request) -> httpx2.Response:
    raise httpx2.ConnectError("refused")


def error(code: str) -> str:
    return json.dumps({"error_code": code, "message": f"{code} at http://me:secret@host"})


@pytest.mark.parametrize(
    ("answering", "expected", "words"),
    [
        (Answering(404, error("RESOURCE_DOES_NOT_EXIST")), Gone, "RESOURCE_DOES_NOT_EXIST at http://host"),
        (
            Answering(400, error("INVALID_PARAMETER_VALUE")),
            Rejected,
            "INVALID_PARAMETER_VALUE at http://host",
        ),
        (Answering(400, error("BAD_REQUEST")), Rejected, "BAD_REQUEST at http://host"),
        (Answering(500, error("INTERNAL_ERROR")), TrackingDown, "INTERNAL_ERROR at http://host"),
        (Answering(502, "<html>"), TrackingDown, "http://mlflow:1 answered 502: <html>"),
        (Answering(403, "{}"), TrackingDown, "http://mlflow:1 answered 403: {}"),
        (Answering(200, "<html>"), TrackingDown, "http://mlflow:1 answered 200: <html>"),
        (Answering(200, "[]"), TrackingDown, "http://mlflow:1 answered 200: []"),
        (refused, TrackingDown, "http://mlflow:1: ConnectError: refused"),
    ],
)
def test_failures_are_told_apart(
    answering: Callable[[httpx2.Request], httpx2.Response], expected: type[Exception], words: str
) -> None:
    with pytest.raises(expected) as caught:
        server(answering).run("a run")
    assert str(caught.value) == words


def test_what_is_too_much_for_one_request_is_split_and_loses_nothing() -> None:
    answering = Answering()
    points = [MetricPoint("loss", float(step), step, step) for step in range(MAX_PER_REQUEST["metrics"] + 1)]
    params = {f"p{number}": "x" for number in range(MAX_PER_REQUEST["params"] + 5)}
    server(answering).log("a run", points, params, {"state": "running"})
    sizes = [[len(body[kind]) for kind in ("metrics", "params", "tags")] for body in answering.bodies]
    assert sizes == [[800, 100, 1], [1, 5, 0]]
    steps = [metric["step"] for body in answering.bodies for metric in body["metrics"]]
    assert steps == list(range(801))


def test_texts_that_are_too_long_are_cut() -> None:
    answering = Answering()
    server(answering).log("a run", params={"long": "x" * 7000}, tags={"long": "y" * 7000, "short": "z"})
    (body,) = answering.bodies
    assert body["params"][0]["value"] == "x" * (MAX_PARAM_CHARS - 1) + "…"
    assert [len(tag["value"]) for tag in body["tags"]] == [MAX_TAG_CHARS, 1]


def test_what_is_no_finite_number_is_sent_as_a_text() -> None:
    """Strict JSON has no NaN; MLflow reads these texts as numbers."""
    answering = Answering()
    values = [math.nan, math.inf, -math.inf, 0.5]
    server(answering).log("a run", [MetricPoint("x", value, 1, 1) for value in values])
    (body,) = answering.bodies
    assert [metric["value"] for metric in body["metrics"]] == ["NaN", "Infinity", "-Infinity", 0.5]


@pytest.mark.parametrize(
    ("url", "variables", "sent"),
    [
        ("http://mlflow:1", {}, None),
        ("http://me:secret@mlflow:1", {}, "Basic bWU6c2VjcmV0"),
        ("http://mlflow:1", {"USERNAME": "me", "PASSWORD": "secret"}, "Basic bWU6c2VjcmV0"),
        ("http://mlflow:1", {"TOKEN": "abc"}, "Bearer abc"),
    ],
)
def test_who_asks_stands_in_the_address_or_in_mlflows_own_variables(
    url: str, variables: dict[str, str], sent: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(f"MLFLOW_TRACKING_{name}", value)
    answering = Answering()
    assert server(answering, url).answers()
    assert answering.asked[0].headers.get("Authorization") == sent


@pytest.mark.parametrize(
    "where", ["file:///elsewhere", "mlflow-artifacts://another/1/r/artifacts", "s3://b/r"]
)
def test_files_that_do_not_go_through_the_server_are_given_to_mlflows_client(
    where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = []
    monkeypatch.setattr(mlflow_server, "_upload_elsewhere", lambda *what: given.append(what))
    answering = Answering()
    run = MlflowRun("r", "1", False, where, "RUNNING")
    server(answering).upload(run, {"a.txt": "text"})
    assert given == [("http://mlflow:1", run, "a.txt", b"text")]
    assert answering.asked == []


def test_a_file_elsewhere_arrives(tmp_path: Path) -> None:
    run = MlflowRun("r", "1", False, f"file://{tmp_path}", "RUNNING")
    Server("http://127.0.0.1:1").upload(run, {"deep/a.txt": "text"})
    assert (tmp_path / "deep" / "a.txt").read_text() == "text"


@pytest.mark.parametrize(
    ("raised", "expected"),
    [(MlflowException("no bucket at http://me:secret@s3"), TrackingDown), (OSError("disk full"), OSError)],
)
def test_files_elsewhere_that_fail_are_told_apart_from_files_that_cannot_be_sent(
    raised: Exception, expected: type[Exception], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise raised

    monkeypatch.setattr(LocalArtifactRepository, "log_artifacts", fail)
    run = MlflowRun("r", "1", False, f"file://{tmp_path}", "RUNNING")
    with pytest.raises(expected) as caught:
        Server("http://127.0.0.1:1").upload(run, {"a.txt": "text"})
    assert "secret" not in str(caught.value)


@pytest.mark.long
def test_the_mirror_does_without_mlflows_client() -> None:
    """Its import takes two seconds and 150 MB."""
    ask = "services.tracking.tracker.Server('http://127.0.0.1:1').answers()"
    code = f"import sys, services.tracking.tracker; {ask}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert "mlflow" not in done.stdout.split()
