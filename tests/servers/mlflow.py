"""A real MLflow server on loopback, run as a stack runs it."""

from __future__ import annotations

import urllib.error
import urllib.request
from dataclasses import dataclass
from importlib.util import find_spec

from servers.missing import NotInstalled
from servers.process import Folder, Server, free_port

from services.stack import layout


@dataclass
class Mlflow:
    """An MLflow server that can be killed and started again on its data."""

    port: int
    server: Server

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def restart(self) -> None:
        """Start it again after a `server.kill()`, on the same port and data."""
        self.server = _run(self.server.folder, self.port)


def start() -> Mlflow:
    """Start one on an empty database; `NotInstalled` where only the client or nothing is there."""
    if not find_spec("mlflow") or not find_spec("mlflow.server"):
        raise NotInstalled("no MLflow server here; `pip install mlflow`")
    port = free_port()
    return Mlflow(port, _run(Folder("mlflow"), port))


def _run(folder: Folder, port: int) -> Server:
    server = Server(layout.python("services.stack.mlflow_app", str(folder.path), str(port)), folder)
    server.wait_until(lambda: _answers(port), 120)
    return server


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
