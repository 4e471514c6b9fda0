"""The processor time of processes and all that they started."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import psutil

Seconds = dict[str, float]


class CpuMeter:
    """Adds up the processor time of groups of processes, from its start on."""

    def __init__(self, groups: Mapping[str, Callable[[], list[psutil.Process]]]) -> None:
        self._groups = groups
        self._before = {pid: seconds for found in self._read().values() for pid, seconds in found.items()}

    def seconds(self) -> Seconds:
        """Seconds per group since the start; of processes that have ended meanwhile nothing."""
        return {
            name: sum(seconds - self._before.get(pid, 0.0) for pid, seconds in found.items())
            for name, found in self._read().items()
        }

    def _read(self) -> dict[str, dict[int, float]]:
        return {
            name: {process.pid: _spent(process) for process in members()}
            for name, members in self._groups.items()
        }


def tree(pid: int) -> list[psutil.Process]:
    """A process and all below it."""
    top = psutil.Process(pid)
    return [top, *top.children(recursive=True)]


def _spent(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system)
