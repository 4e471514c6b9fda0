"""A whole laboratory: a real API in front of real Redis, SQL and MLflow; workers and upkeep as tests wish.

API and upkeep run in threads of the tests, for which torch is loaded once. As processes of their own they run
in the tests of `cnnlab up` and `cnnlab demo`.
"""

from __future__ import annotations

import json
import secrets
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from served_api import ServedApi
from upkeep_thread import upkeep
from worker_process import running, wait_for

from services.client import Client
from services.settings import Settings

SPEC: dict[str, Any] = {
    "name": "whole",
    "model": {"name": "mlp", "hidden": [16]},
    "data": {"name": "fashion-mnist-mini"},
    "train": {"epochs": 3},
    "reuse": False,  # tests share a laboratory
    "space": {"train.l2": [0, 0.001], "train.optimizer": ["momentum", {"name": "adam", "lr": 0.002}]},
}


@dataclass
class Lab:
    """One laboratory's settings, and its API's client and address."""

    settings: Settings
    client: Client
    url: str

    def worker(self) -> Any:
        """A worker process."""
        return running("workers", self.settings)

    def upkeep(self) -> Any:
        """The chores."""
        return upkeep(self.settings)

    def submit(self, **changes: Any) -> str:
        """Post a sweep; its id."""
        sweep_id: str = self.client.submit(SPEC | {"name": secrets.token_hex(4)} | changes)["id"]
        return sweep_id

    def counts(self, sweep_id: str) -> dict[str, int]:
        """Trials by state, zeros left out."""
        found: dict[str, int] = self.client.sweep(sweep_id)["trials"]
        return {state: count for state, count in found.items() if count and state != "total"}

    def wait_for_success(self, sweep_id: str, trials: int = 4) -> None:
        """Wait until every trial has succeeded."""
        wait_for(lambda: self.counts(sweep_id) == {"succeeded": trials}, 90, "success of every trial")


def numbers(trial: dict[str, Any]) -> list[dict[str, Any]]:
    """A curve without speeds."""
    return [
        {name: value for name, value in point["metrics"].items() if not name.startswith("perf/")}
        for point in trial["curve"]
    ]


def mlflow_curve(url: str, run_id: str, metric: str) -> list[tuple[int, float]]:
    """A metric's (step, value) as the MLflow server tells it, over plain HTTP."""
    query = urllib.parse.urlencode({"run_id": run_id, "metric_key": metric})
    with urllib.request.urlopen(f"{url}/api/2.0/mlflow/metrics/get-history?{query}", timeout=10) as answer:
        points = json.load(answer).get("metrics", [])
    return sorted((int(point.get("step", 0)), point["value"]) for point in points)


@contextmanager
def api(settings: Settings) -> Iterator[str]:
    """A real API; its address."""
    served = ServedApi(settings)
    try:
        yield served.url
    finally:
        served.stop()


@contextmanager
def open_lab(settings: Settings) -> Iterator[Lab]:
    """A laboratory with these settings, which hold a key; nobody trains in it yet."""
    assert settings.api_key is not None
    with api(settings) as url, Client(url, settings.api_key.get_secret_value()) as client:
        yield Lab(settings, client, url)
