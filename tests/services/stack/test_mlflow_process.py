"""MLflow as a stack runs it: whom it answers, and what it leaves of the database that it was given."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import httpx2
import psutil
import pytest
from servers.mlflow import Mlflow

from services.stack import mlflow_process


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


def test_the_page_reads_while_runs_are_written(mlflow_server: Mlflow) -> None:
    """MLflow leaves the database in WAL mode; in another mode whoever writes locks out whoever reads."""
    file = mlflow_server.server.folder.path / "mlflow.db"
    with closing(sqlite3.connect(file)) as database:
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert database.execute("SELECT count(*) FROM experiments").fetchone() >= (1,)


def test_one_process_serves_and_runs_no_jobs(mlflow_server: Mlflow) -> None:
    """The command, gunicorn's main process and its one worker."""
    below = psutil.Process(mlflow_server.server.pid).children(recursive=True)
    assert ["gunicorn" in process.cmdline() for process in below] == [True, True]


def test_a_folder_of_any_name_is_one_argument(tmp_path: Path) -> None:
    home = tmp_path / "50%20 off"
    home.mkdir()
    words = mlflow_process.arguments(home, 1)
    assert str(home / "artifacts") in words
    assert sum("50%2520%20off" in word for word in words) == 1
