"""An API process of its own for a measurement: its answers, and what of time, CPU and memory they cost."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

import psutil

LOAD_SECONDS = 8.0  # until torch is loaded, which the API does after its start
CPUCLOCK_SCHED = 2  # Linux: the clock of a process is (~pid << 3) | CPUCLOCK_SCHED


@dataclass
class Api:
    """A running API process."""

    port: int
    process: psutil.Process

    @property
    def cpu_seconds(self) -> float:
        """The CPU time that it has used, of all its threads."""
        return time.clock_gettime((~self.process.pid << 3) | CPUCLOCK_SCHED)

    def memory_mb(self) -> float:
        """The memory that it has now, in MB."""
        return float(self.process.memory_info().rss) / 1e6

    def peak_mb(self) -> float:
        """The most memory that it has had since `forget_peak`, in MB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        return (
            next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) * 1.024e-3
        )

    def forget_peak(self) -> None:
        """Begin to measure the peak anew."""
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5", encoding="ascii")


@contextmanager
def running(settings: Mapping[str, str]) -> Iterator[Api]:
    """Start an API on a free port with these environment variables, and stop it afterwards."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = ("uvicorn", "--factory", "services.api.app:from_environment", "--port", str(port))
    process = subprocess.Popen(
        [sys.executable, "-m", *command, "--log-level", "error", "--no-access-log"],
        env={**os.environ, **settings},
    )
    try:
        while not answers(port):
            time.sleep(0.1)
        time.sleep(LOAD_SECONDS)
        yield Api(port, psutil.Process(process.pid))
    finally:
        process.terminate()
        process.wait()


def answers(port: int) -> bool:
    """Whether the API is up."""
    try:
        ask_health(HTTPConnection("127.0.0.1", port, timeout=5))
    except OSError:
        return False
    return True


def ask_health(connection: HTTPConnection) -> None:
    """Ask /health once."""
    connection.request("GET", "/health")
    connection.getresponse().read()
