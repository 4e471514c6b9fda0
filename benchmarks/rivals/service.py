"""This service as a side: `python -m benchmarks.rivals.service DATA-FOLDER` starts it and submits over HTTP.

A run ends when the last trial is final in SQL and MLflow has all of the sweep.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.rivals.loops.protocol import serve
from benchmarks.rivals.task import Task
from services.client import Client
from services.domain.states import SWEEP_FINAL
from services.stack import ports
from services.stack.stack import Stack

WORKERS = 2
POLL_SECONDS = 0.2  # between two requests for the sweep
PLUGINS = Path(__file__).with_name("plugins")


def in_mlflow(sweep: dict[str, Any]) -> bool:
    """Whether MLflow has every run of a sweep, wholly."""
    mirrored = sweep["mlflow"]
    return (
        bool(mirrored["runs"] == mirrored["of"] == sweep["trials"]["total"])
        and not mirrored["behind_seconds"]
    )


def train(stack: Stack, client: Client, message: dict[str, Any]) -> dict[str, Any]:
    """Submit a task as a sweep and wait; returns accuracies, and seconds until they were final in SQL."""
    began = time.monotonic()
    task = Task(**{name: message[name] for name in ("net", "axes", "per_class", "epochs", "batch")})
    sweep_id = client.submit(task.spec(message["data"], message["seed"]))["id"]
    final: float | None = None
    while True:
        stack.keep_alive()
        sweep = client.sweep(sweep_id)
        if sweep["state"] in SWEEP_FINAL:
            final = final or time.monotonic() - began
            if in_mlflow(sweep):
                break
        time.sleep(POLL_SECONDS)
    return {
        "accuracies": [trial["last"] for trial in client.trials(sweep_id)],
        "final_seconds": final,
        "state": sweep["state"],
    }


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
