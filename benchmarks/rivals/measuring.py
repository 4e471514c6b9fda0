"""One run of the benchmark: sides are started and measured in turn; one that fails is left out."""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.rivals import images, records
from benchmarks.rivals.side import SIDES, Running, SideFailed
from benchmarks.rivals.task import GRIDS, GROWTH, Task, growth, small

GROWING = ("tuned", "service")  # the sides of the sweeps of more and more trials
SMALL_GROWTH = (1, 4)
READY_SECONDS = 150.0


@dataclass
class Measuring:
    """What was asked for, and where the results go."""

    python: Path  # the rivals' interpreter
    home: Path
    data: str  # name of the data set
    sides: list[str]
    rounds: int
    limit: float  # seconds of a run
    small: bool
    machine: str
    began: str = field(default_factory=lambda: time.strftime("%Y-%m-%d %H:%M:%S"))
    _running: dict[str, Running] = field(default_factory=dict)

    @property
    def file(self) -> Path:
        """The file of results."""
        return self.home / "results.jsonl"

    def go_on_from(self, measured: list[dict[str, Any]]) -> None:
        """Let what follows be of the benchmark that was measured last, if there is one."""
        if measured:
            self.machine, self.began = measured[-1]["machine"], measured[-1]["began"]

    def compare(self, net: str) -> None:
        """Measure every side on a grid: cold, one after another as they start, then warm in turn."""
        task = small(GRIDS[net]) if self.small else GRIDS[net]
        with ExitStack() as stack:
            self._running = {}
            for side in self.sides:
                self._start(side, task, net, stack, "cold")
            for number in range(1, self.rounds + 1):
                for side in list(self._running):
                    self._measure(side, task, net, "warm", number)

    def grow(self) -> None:
        """Measure sweeps of more and more trials, warm."""
        tasks = {
            str(count): small(growth(count)) if self.small else growth(count)
            for count in (SMALL_GROWTH if self.small else GROWTH)
        }
        with ExitStack() as stack:
            self._running = {}
            for side in [side for side in GROWING if side in self.sides]:
                self._start(side, tasks["4"], "4", stack, "first")
            for number in range(1, self.rounds + 1):
                for count, task in tasks.items():
                    for side in list(self._running):
                        self._measure(side, task, count, "growth", number)

    def _start(self, side: str, task: Task, name: str, stack: ExitStack, mode: str) -> None:
        log = self.home / "logs" / f"{side}.log"
        running = stack.enter_context(Running(SIDES[side], self.python, self.home / "data", log))
        self._running[side] = running
        try:
            running.ready(READY_SECONDS)
        except SideFailed as failed:
            self._fail(side, name, mode, failed)
        else:
            self._measure(side, task, name, mode, 0)

    def _measure(self, side: str, task: Task, name: str, mode: str, number: int) -> None:
        folder = self.home / "data"
        data = images.write(task, self.data, folder, number)
        message = task.message(data, number) | {"split": str(folder / f"split-{number}-{data}")}
        try:
            answer = self._running[side].run(message, self.limit, cold=mode == "cold")
        except SideFailed as failed:
            self._fail(side, name, mode, failed)
        else:
            self._write(side, name, mode, {"round": number, **answer})
            mean = sum(answer["accuracies"]) / len(answer["accuracies"])
            used = f"{answer['wall']:7.1f} s {answer['cpu']:7.1f} CPU s"
            say(f"{name:>12} {mode:6} {side:12} {used}  accuracy {mean:.4f}")

    def _fail(self, side: str, name: str, mode: str, failed: SideFailed) -> None:
        say(f"{name:>12} {mode:6} {side:12} failed: {failed}")
        self._write(side, name, mode, {"error": str(failed)})
        self._running.pop(side).stop()

    def _write(self, side: str, name: str, mode: str, values: dict[str, Any]) -> None:
        which = {"machine": self.machine, "began": self.began, "side": side, "task": name, "mode": mode}
        records.append(self.file, which | {"at": time.strftime("%H:%M:%S")} | values)


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
