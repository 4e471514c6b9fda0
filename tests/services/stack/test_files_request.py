"""Several files in one request, in front of a real server: they lie where MLflow's own upload puts them."""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mlflow import MlflowClient
from servers.mlflow import Mlflow

from services.stack import files_request
from services.tracking import files_together, runs_endpoint
from services.tracking.mlflow_server import MlflowRun, Server


def put(server: Mlflow, body: bytes, headers: dict[str, str] | None = None) -> httpx2.Response:
    path = f"{server.url}/api/2.0/mlflow/{runs_endpoint.FILES}"
    return httpx2.put(path, content=body, headers=headers)


def body(*files: tuple[Any, Any], content: bytes = b"") -> bytes:
    return json.dumps({"files": list(files)}).encode() + b"\n" + content


def made(server: Mlflow) -> tuple[Server, MlflowRun]:
    client = Server(server.url)
    return client, client.create_run(client.experiment(secrets.token_hex(4), {}), "one", 1, {})


def test_files_are_where_mlflows_own_upload_puts_them(mlflow_server: Mlflow, tmp_path: Path) -> None:
    server, run = made(mlflow_server)
    files = {"config.json": "{}\n", "deep/weights.bin": bytes(range(256)), "empty.txt": "", "deep/ü.txt": "ü"}
    assert files_together.send(server, run, files)
    server.upload(run, {"deep/by itself.txt": "1"})
    client = MlflowClient(mlflow_server.url)
    for name, content in files.items():
        there = Path(client.download_artifacts(run.run_id, name, str(tmp_path)))
        assert there.read_bytes() == (content.encode() if isinstance(content, str) else content)
    listed = {each.path for each in client.list_artifacts(run.run_id, "deep")}
    assert listed == {"deep/weights.bin", "deep/ü.txt", "deep/by itself.txt"}
    assert files_together.send(server, run, {"config.json": "{1}", "deep/ü.txt": "u"}), "again"
    assert Path(client.download_artifacts(run.run_id, "config.json", str(tmp_path))).read_text() == "{1}"


@pytest.mark.parametrize("path", ["../x", "/etc/x", "a/../../x", "a/%2e%2e/%2e%2e/x", "file:///x", ".."])
def test_a_path_that_mlflow_refuses_is_refused_for_all(mlflow_server: Mlflow, path: str) -> None:
    name = secrets.token_hex(8)
    answer = put(mlflow_server, body((f"{name}/a.txt", 1), (path, 1), content=b"12"))
    assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    home = mlflow_server.server.folder.path
    assert not list(home.rglob(name))


@pytest.mark.parametrize("headers", [{"Host": "evil.example"}, {"Origin": "https://evil.example"}])
def test_it_is_open_to_nobody_whom_mlflow_refuses(mlflow_server: Mlflow, headers: dict[str, str]) -> None:
    assert put(mlflow_server, body(), headers).status_code == 403
    assert put(mlflow_server, body()).status_code == 200


WRONG = [
    b"",
    b"\n",
    b"{",
    b"3\n",
    b"{}\n",
    b'{"files": null}\n',
    b'{"files": [3]}\n',
    *(body((path, 1), content=b"1") for path in (None, 3, "", "a/", "a/.")),
    *(body(("a", size), content=b"1") for size in (None, "1", 1.0, True, -1, 0, 2)),
]


@pytest.mark.parametrize("wrong", WRONG)
def test_a_body_that_is_none_is_not_read(wrong: bytes) -> None:
    assert files_request.read(wrong) is None


def test_a_body_that_is_none_is_refused_with_what_would_be_right(mlflow_server: Mlflow) -> None:
    answer = put(mlflow_server, b"\xff{")
    assert answer.status_code == 400
    assert answer.json() == {
        "error_code": "INVALID_PARAMETER_VALUE",
        "message": f"the body must be {files_request.BODY}{'�{'!r}",
    }
