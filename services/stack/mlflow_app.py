"""MLflow's server of a stack: `python -m services.stack.mlflow_app FOLDER PORT`, with its data in FOLDER.

`mlflow server` imports MLflow in a process that only waits and again in each that serves. This module imports
it once and serves the same application: three seconds of processor time less at the start. Gunicorn lacks the
layers that are in front of the application by default, and a request costs a quarter less; what a trial's run
needs is written by `services/stack/mlflow_store.py` for a third of the rest.
"""

from __future__ import annotations

import gc
import os
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

from gunicorn.app.base import BaseApplication

from services.stack.folder import sqlite_url
from services.stack.ports import HOST

WORKERS = 2  # processes: one writes to SQLite at a time, but of a request that is the smaller part
THREADS = 4  # of each, so that the page need not wait until runs are written
KEEP_ALIVE = 60  # seconds that a connection without requests stays open
PLAIN_STORE_FOR = "3.17."  # the versions of MLflow that services/stack/mlflow_store.py was compared with


class Served(BaseApplication):  # type: ignore[misc]
    """MLflow's application in processes below this one."""

    def __init__(self, application: Any, port: int) -> None:
        self._application, self._port = application, port
        super().__init__()

    def load_config(self) -> None:
        """Set what differs from gunicorn's defaults."""
        settings = {
            "bind": f"{HOST}:{self._port}",
            "workers": WORKERS,
            "worker_class": "gthread",
            "threads": THREADS,
            "keepalive": KEEP_ALIVE,
            "accesslog": "-",
            "access_log_format": '%(t)s "%(r)s" %(s)s %(M)s ms',
            "control_socket_disable": True,  # it would be a file in the user's home
        }
        for name, value in settings.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """Return the application, which was imported before the fork: all processes share its memory."""
        return self._application


def application(folder: Path, port: int) -> Any:
    """Import MLflow's application for this folder and the names by which a stack's server is addressed.

    Its database is made in WAL mode, which MLflow leaves as it is: others read while one writes.
    """
    file = folder / "mlflow.db"
    with closing(sqlite3.connect(file)) as database:
        database.execute("PRAGMA journal_mode=WAL")
    os.environ |= {
        "MLFLOW_SERVER_ALLOWED_HOSTS": f"{HOST}:{port},localhost:{port}",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # thirteen processes more
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "OMP_NUM_THREADS": "1",
    }
    from mlflow.server import app, constants, handlers
    from mlflow.version import VERSION

    if VERSION.startswith(PLAIN_STORE_FOR):
        from services.stack import files_request, runs_requests
        from services.stack.mlflow_store import MirrorStore

        handlers._tracking_store_registry.register("sqlite", MirrorStore)
        runs_requests.add_to(app, handlers._get_tracking_store)
        files_request.add_to(app, handlers)
    # So `mlflow server` passes its settings on. They are read at the first request.
    os.environ |= {
        constants.BACKEND_STORE_URI_ENV_VAR: sqlite_url(file),
        constants.REGISTRY_STORE_URI_ENV_VAR: sqlite_url(file),
        constants.SERVE_ARTIFACTS_ENV_VAR: "true",
        constants.ARTIFACT_ROOT_ENV_VAR: "mlflow-artifacts:/",
        constants.ARTIFACTS_DESTINATION_ENV_VAR: str(folder / "artifacts"),
    }
    return app


def main() -> None:
    """Serve until SIGTERM."""
    folder, port = Path(sys.argv[1]), int(sys.argv[2])
    gc.disable()  # an import makes hundreds of thousands of objects that stay: a quarter of its time was this
    app = application(folder, port)
    gc.freeze()
    gc.enable()
    Served(app, port).run()


if __name__ == "__main__":
    main()
