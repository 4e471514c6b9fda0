"""A side as a process: started, sent tasks, measured, and ended with all that it has started."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import psutil

from benchmarks.rivals.cpu import Meter, since
from benchmarks.rivals.environment import ROOT
from services.training_environment import ALLOCATOR

SAMPLE_SECONDS = 0.3  # between two readings of the processor time
END_SECONDS = 40.0  # until a side that was asked to end is killed
ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


@dataclass(frozen=True)
class Side:
    """One way to compute a grid."""

    title: str
    module: str
    arguments: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    own: bool = False  # this service, which runs in this interpreter's environment


LOOPS = "benchmarks.rivals.loops"
SERVICE = "benchmarks.rivals.service"
SIDES = {
    "plain": Side("plain loop, two processes", f"{LOOPS}.two_processes", (), ONE_THREAD),
    "tuned": Side("tuned loop, two processes", f"{LOOPS}.two_processes", ("tuned",), ONE_THREAD | ALLOCATOR),
    "optuna": Side("Optuna, SQLite, two processes", f"{LOOPS}.optuna_sqlite", (), ONE_THREAD),
    "jax": Side("JAX vmap", f"{LOOPS}.jax_vmap", (), {"JAX_PLATFORMS": "cpu"}),
    "service": Side("cnnlab, kernels on", SERVICE, own=True),
    "service-off": Side("cnnlab, kernels off", SERVICE, (), {"CNNLAB_KERNELS": "off"}, own=True),
    "ray": Side("Ray Tune", f"{LOOPS}.ray_tune", (), ONE_THREAD),
    "ray-reuse": Side("Ray Tune, actors reused", f"{LOOPS}.ray_tune", ("reuse",), ONE_THREAD),
}


class SideFailed(Exception):
    """A side ended or took too long; the message has the end of its log."""


class Running:
    """A running side."""

    def __init__(self, side: Side, python: Path, data: Path, log: Path) -> None:
        command = [sys.executable if side.own else str(python), "-m", side.module, *side.arguments]
        self._log, self._began = log, time.monotonic()
        # What cnnlab sets for itself, and would set again.
        inherited = {name: value for name, value in os.environ.items() if name != "MKL_CBWR"}
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                [*command, str(data)] if side.own else command,
                cwd=ROOT,
                env={**inherited, **side.environment, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,  # Ctrl-C reaches only the benchmark, which ends its sides itself
            )
        self._meter = Meter(self._process.pid)
        self._answers: queue.Queue[bytes] = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _listen(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            self._answers.put(line)
        self._answers.put(b"")

    def ready(self, limit: float) -> None:
        """Wait until it can take a task."""
        self._answer(time.monotonic() + limit)

    def run(self, message: Mapping[str, Any], limit: float, cold: bool = False) -> dict[str, Any]:
        """Have a task computed; returns wall and processor seconds and what the side answered.

        `cold` counts from the start of the process. SideFailed after `limit` seconds.
        """
        before = {} if cold else self._meter.by_kind()
        began = self._began if cold else time.monotonic()
        assert self._process.stdin
        try:
            self._process.stdin.write(json.dumps(message).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise SideFailed(f"ended: {self._last_line()}") from None
        answer = self._answer(time.monotonic() + limit)
        wall = time.monotonic() - began
        used = since(before, self._meter.by_kind())
        return {**answer, "wall": round(wall, 3), "cpu": round(sum(used.values()), 2), "cpu_of": used}

    def _answer(self, end: float) -> dict[str, Any]:
        while time.monotonic() < end:
            try:
                line = self._answers.get(timeout=SAMPLE_SECONDS)
            except queue.Empty:
                self._meter.sample()
                continue
            if not line:
                raise SideFailed(f"ended: {self._last_line()}")
            answer: dict[str, Any] = json.loads(line)
            return answer
        raise SideFailed("took too long")

    def _last_line(self) -> str:
        lines = self._log.read_text(encoding="utf-8", errors="replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "its log is empty")

    def stop(self) -> None:
        """Close its input, wait, and kill what is left of it."""
        left = self._meter.processes()
        assert self._process.stdin
        try:
            self._process.stdin.close()
            self._process.wait(END_SECONDS)
        except (subprocess.TimeoutExpired, BrokenPipeError):
            left += self._meter.processes()
        for process in left:
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
        self._process.wait()
