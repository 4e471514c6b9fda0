"""The stack's own MLflow server: its command line, its environment and the database that it opens."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from services.stack.folder import sqlite_url
from services.stack.ports import HOST

# Gunicorn serves MLflow's application without the layers that its default server puts in front of it: a
# request takes a quarter less processor time, and at rest it hardly wakes. A request in a thread of its own
# leaves the others to the page.
GUNICORN = "--worker-class gthread --threads 4 --keep-alive 60 --no-control-socket"


def arguments(home: Path, port: int) -> tuple[str, ...]:
    """The command line behind `python -m mlflow`: a server on SQLite, which allows only one worker process.

    It makes the database first, in WAL mode, which MLflow leaves as it is: the page reads while runs are
    written.
    """
    file = home / "mlflow.db"
    with closing(sqlite3.connect(file)) as database:
        database.execute("PRAGMA journal_mode=WAL")
    return (
        "server",
        *("--backend-store-uri", sqlite_url(file)),
        *("--artifacts-destination", str(home / "artifacts")),
        *("--host", HOST, "--port", str(port)),
        *("--workers", "1", f"--gunicorn-opts={GUNICORN}"),
    )


def environment(port: int) -> Mapping[str, str]:
    """What MLflow reads besides: the names by which it may be addressed, and that it is to run as one process
    and not as fourteen, which would take two gigabytes.
    """
    return {
        "MLFLOW_SERVER_ALLOWED_HOSTS": f"{HOST}:{port},localhost:{port}",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "OMP_NUM_THREADS": "1",
    }
