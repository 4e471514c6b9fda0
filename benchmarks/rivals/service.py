"""This service as a side: `python -m benchmarks.rivals.service DATA-FOLDER` starts it and submits over HTTP.

A run ends when the last trial is final in SQL and MLflow has all of the sweep.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx2

from benchmarks.rivals.loops.protocol import serve
from benchmarks.rivals.task import Task
from services.client import Client
from services.domain.states import SWEEP_FINAL
from services.stack import ports
from services.stack.stack import Stack

WORKERS = 2
POLL_SECONDS = 0.2  # between two looks whether MLflow has all of a sweep that has ended
KEEP_ALIVE_SECONDS = 5.0  # from one look at the processes to the next, while a sweep trains
PLUGINS = Path(__file__).with_name("plugins")


def in_mlflow(sweep: dict[str, Any], mlflow: str) -> bool:
    """Whether MLflow has every trial's run, wholly, and shows the sweep's own run as ended."""
    mirrored, link = sweep["mlflow"], sweep["links"]["mlflow"]
    trials_there = mirrored["runs"] == mirrored["of"] == sweep["trials"]["total"]
    found = re.search(r"experiments/(\d+)", link or "")
    if not trials_there or found is None:
        return False
    of_sweep = f"tags.`sweep.id` = '{sweep['id']}' AND tags.`sweep.role` = 'sweep'"
    query = {"experiment_ids": [found[1]], "filter": of_sweep}
    answer = httpx2.post(f"{mlflow}/api/2.0/mlflow/runs/search", json=query, trust_env=False, timeout=30.0)
    runs = answer.raise_for_status().json().get("runs", [])
    return [run["info"]["status"] for run in runs] == ["FINISHED"]


def train(stack: Stack, client: Client, message: dict[str, Any]) -> dict[str, Any]:
    """Submit a task as a sweep and wait; returns accuracies, and seconds until all were final in SQL."""
    began = time.monotonic()
    task = Task(**{name: message[name] for name in ("net", "axes", "per_class", "epochs", "batch")})
    sweep_id = client.submit(task.spec(message["data"], message["seed"]))["id"]
    final: float | None = None
    while True:
        stack.keep_alive()
        sweep = client.wait(sweep_id, KEEP_ALIVE_SECONDS)
        ended, succeeded = sweep["state"] in SWEEP_FINAL, sweep["state"] == "succeeded"
        if ended:
            final = final or time.monotonic() - began
            if not succeeded or in_mlflow(sweep, stack.mlflow):
                break
            time.sleep(POLL_SECONDS)
    if not succeeded:
        raise SystemExit(f"the sweep ended as {sweep['state']}: {sweep['trials']}")
    accuracies = [trial["last"] for trial in client.trials(sweep_id)]
    return {"accuracies": accuracies, "final_seconds": final}


def main() -> None:
    """Start the stack in a folder of its own and serve."""
    os.environ |= {"CNNLAB_DATA": sys.argv[1], "CNNLAB_PLUGINS": str(PLUGINS)}

    def message(text: str) -> None:
        sys.stderr.write(f"{text}\n")

    with (
        tempfile.TemporaryDirectory() as folder,
        Stack(Path(folder), (ports.free(), ports.free()), WORKERS, message) as stack,
    ):
        stack.take_folder()
        stack.start()
        if not stack.wait_until_ready():
            raise SystemExit("the service is not ready")
        with Client(stack.api, stack.key) as client:
            serve(lambda task: train(stack, client, task))


if __name__ == "__main__":
    main()
