"""Processor seconds of a process and all below it, by kind of process."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Mapping

import psutil

# Of this service's processes: part of the command line → kind. The first that fits counts.
KINDS = {
    "workers.runner": "runners",
    "services.api.app": "API",
    "services.upkeep": "upkeep",
    "services.model_export.writer": "upkeep",
    "mlflow": "MLflow server",
    "valkey": "Valkey",
    "migrations": "migrations",
    "services.stack.template": "template",
    "benchmarks.rivals": "client and stack",
}
# Writes a model, perhaps between two samples: its time counts as that of what waits for it, at its end.
MODEL_PROGRAM = "cnnlab.model_folder"
WORKER = "workers"  # Celery's main process; its children are the supervisors


class Meter:
    """The processor time of a tree of processes, sampled: what one uses after its last sample is lost."""

    def __init__(self, pid: int) -> None:
        self._root = psutil.Process(pid)
        self._used: dict[tuple[int, float], float] = {}  # (pid, start) → seconds, also of those that ended
        self._kinds: dict[tuple[int, float], str] = {}

    def sample(self) -> None:
        """Read the counters of every process that lives now."""
        with contextlib.suppress(psutil.NoSuchProcess):
            for process in [self._root, *self._root.children(recursive=True)]:
                with contextlib.suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
                    identity = process.pid, process.create_time()
                    times = process.cpu_times()
                    # Read each time: a forked process has its parent's command line until it runs its own.
                    command = process.cmdline()
                    if MODEL_PROGRAM in command:
                        self._used.pop(identity, None)
                        continue
                    self._kinds[identity] = kind(command, _command_of(process.parent()))
                    self._used[identity] = times.user + times.system
                    if self._kinds[identity] == "upkeep":
                        self._used[identity] += times.children_user + times.children_system

    def by_kind(self) -> Counter[str]:
        """Return the seconds so far, by kind; in the names of rivals' processes there is nothing to see."""
        self.sample()
        total: Counter[str] = Counter()
        for identity, seconds in self._used.items():
            total[self._kinds.get(identity, "other")] += seconds
        return total

    def processes(self) -> list[psutil.Process]:
        """Return the processes below the root, and the root."""
        try:
            return [*self._root.children(recursive=True), self._root]
        except psutil.NoSuchProcess:
            return []


def _command_of(process: psutil.Process | None) -> list[str]:
    return process.cmdline() if process else []


def kind(command: list[str], parent: list[str]) -> str:
    """Name the kind of a process by its command line and its parent's."""
    modules = set(command)
    if WORKER in modules or (WORKER in set(parent) and "workers.runner" not in modules):
        return "supervisors" if WORKER in set(parent) else "Celery main"
    text = " ".join(command)
    return next((name for part, name in KINDS.items() if part in text), "other")


def since(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    """Return what was used between two readings, by kind, largest first, without what is nothing."""
    used = {name: round(after[name] - before.get(name, 0.0), 2) for name in after}
    return {name: seconds for name, seconds in sorted(used.items(), key=lambda it: -it[1]) if seconds > 0}
