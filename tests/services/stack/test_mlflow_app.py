"""MLflow as a stack runs it: whom it answers, and what it leaves of the database that it was given."""

from __future__ import annotations

import importlib.metadata
import re
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import httpx2
import psutil
import pytest
from servers.mlflow import Mlflow
from worker_process import wait_for

from services.stack import mlflow_app
from services.tracking import mlflow_server as mlflow_server_module
from services.tracking.run_change import MetricPoint


@pytest.mark.parametrize(
    ("host", "status"),
    [("127.0.0.1:{port}", 200), ("localhost:{port}", 200), ("127.0.0.1:1", 403), ("evil.example", 403)],
)
def test_it_answers_only_those_who_call_it_by_its_name(mlflow_server: Mlflow, host: str, status: int) -> None:
    answer = httpx2.get(
        f"{mlflow_server.url}/api/2.0/mlflow/experiments/search?max_results=1",
        headers={"Host": host.format(port=mlflow_server.port)},
    )
    assert answer.status_code == status
    line = rf'"GET /api/2.0/mlflow/experiments/search\?max_results=1 HTTP/1.1" {status} \d+ ms\n'
    log = mlflow_server.server.log
    wait_for(lambda: re.search(line, log.read_text()) is not None, 10, "the log names the request")


def test_the_page_reads_while_runs_are_written(mlflow_server: Mlflow) -> None:
    """MLflow leaves the database in WAL mode; in another mode whoever writes locks out whoever reads."""
    file = mlflow_server.server.folder.path / "mlflow.db"
    with closing(sqlite3.connect(file)) as database:
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert database.execute("SELECT count(*) FROM experiments").fetchone() >= (1,)


def test_its_files_go_through_the_server_into_its_folder(mlflow_server: Mlflow) -> None:
    home = mlflow_server.server.folder.path
    server = mlflow_server_module.Server(mlflow_server.url)
    run = server.create_run(server.experiment("files", {}), "one", 1, {})
    assert run.artifacts.startswith("mlflow-artifacts:/")
    server.upload(run, {"deep/config.json": "{}"})
    (written,) = home.glob(f"artifacts/**/{run.run_id}/**/config.json")
    assert written.read_text() == "{}"


def test_runs_that_are_written_at_once_do_not_lock_each_other_out(mlflow_server: Mlflow) -> None:
    server = mlflow_server_module.Server(mlflow_server.url)
    experiment = server.experiment("at-once", {})

    def write(number: int) -> str:
        run = server.create_run(experiment, str(number), 1, {})
        for step in range(4):
            points = [MetricPoint(f"m{i}", 0.5, 1, step) for i in range(8)]
            server.log(run.run_id, points, {f"p{step}": "1"}, {"step": str(step)})
        server.set_status(run.run_id, "FINISHED", 2)
        return run.run_id

    with ThreadPoolExecutor(8) as pool:
        written = set(pool.map(write, range(24)))
    assert {
        run.run_id for run in server.runs(experiment, {"step": "3"}) if run.status == "FINISHED"
    } == written


@pytest.mark.long
def test_a_version_that_the_plain_store_was_not_compared_with_writes_with_its_own(tmp_path: Path) -> None:
    script = (
        "import sys, pathlib, mlflow.version\n"
        "mlflow.version.VERSION = sys.argv[2]\n"
        "from services.stack import mlflow_app\n"
        "mlflow_app.application(pathlib.Path(sys.argv[1]), 1)\n"
        "print('services.stack.mlflow_store' in sys.modules)"
    )

    def has_plain_store(version: str) -> str:
        command = [sys.executable, "-W", "ignore", "-c", script, str(tmp_path), version]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    assert has_plain_store("3.99.0") == "False"
    assert has_plain_store(importlib.metadata.version("mlflow")) == "True"


def test_two_processes_serve_and_nothing_else_runs(mlflow_server: Mlflow) -> None:
    """Of the fourteen processes that MLflow can have."""
    serving = psutil.Process(mlflow_server.server.pid).children(recursive=True)
    assert len(serving) == mlflow_app.WORKERS
