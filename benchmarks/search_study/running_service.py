"""This service, started in a folder of its own, and sweeps that are sent to it over HTTP."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.client import Client
from services.domain.states import SWEEP_FINAL
from services.stack import ports
from services.stack.stack import Stack

WORKERS = 2
POLL_SECONDS = 0.2
CLAIM_SECONDS = 60.0  # until every worker has claimed a device


@dataclass(frozen=True)
class Ended:
    """A sweep that has succeeded, and the seconds from its submit until then."""

    sweep: dict[str, Any]
    seconds: float


@dataclass(frozen=True)
class RunningService:
    """A stack that trains, and a client of it."""

    stack: Stack
    client: Client

    def train(self, spec: Mapping[str, Any]) -> Ended:
        """Submit a sweep and wait for its last state; `SystemExit` if that is not `succeeded`."""
        began = time.monotonic()
        sweep = self.client.submit(spec)
        while sweep["state"] not in SWEEP_FINAL:
            time.sleep(POLL_SECONDS)
            self.stack.keep_alive()
            sweep = self.client.sweep(sweep["id"])
        if sweep["state"] != "succeeded":
            raise SystemExit(f"the sweep {sweep['name']} must succeed, it is {sweep['state']}")
        return Ended(sweep, time.monotonic() - began)


@contextmanager
def running_service(folder: Path, workers: int = WORKERS) -> Iterator[RunningService]:
    """A service with so many workers, each with a device, that stops at the end of the block."""

    def message(text: str) -> None:
        sys.stderr.write(f"{text}\n")

    with Stack(folder, (ports.free(), ports.free()), workers, message) as stack:
        stack.take_folder()
        stack.start()
        if not stack.wait_until_ready():
            raise SystemExit("the service was interrupted before it was ready")
        with Client(stack.api, stack.key) as client:
            _wait_for_devices(client, workers)
            yield RunningService(stack, client)


def _wait_for_devices(client: Client, workers: int) -> None:
    end = time.monotonic() + CLAIM_SECONDS
    while sum(device["alive"] for device in client.workers()["devices"]) < workers:
        if time.monotonic() > end:
            raise SystemExit(f"not every one of {workers} workers has claimed a device")
        time.sleep(POLL_SECONDS)
