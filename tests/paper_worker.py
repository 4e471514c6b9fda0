"""A supervisor whose processes and signals are on paper, and what its attempts do."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest
from module_clock import set_clock
from scripted_runner import ENGINE, MACHINE, ScriptedRunner

from services.host import HostDevice
from services.settings import Settings
from services.store import devices
from services.store.session import Store
from workers import supervisor as module
from workers.attempt import Attempt
from workers.claim import Claim
from workers.main_process import MainProcess
from workers.messages import EpochDone, FinalResult
from workers.supervisor import Supervisor

DEVICE = HostDevice("host", "cpu:0", "cpu", "slot 0")


class PaperProcess(ScriptedRunner):
    """A runner process that is ready at once, unless it is born dead."""

    born_dead = False
    loads = False  # it must be sent for a test to make it ready

    def __init__(self, environment: dict[str, str]) -> None:
        super().__init__(None if self.born_dead or self.loads else MACHINE)
        self.environment, self.closed = environment, False
        self.gpu: str | None = None
        if self.born_dead:
            self.die()

    def alive(self) -> bool:
        return not self.killed and not self.born_dead

    def use(self, gpu: str) -> None:
        self.gpu = gpu

    def close(self) -> None:
        self.closed = True


class Worker:
    """A supervisor whose processes and signals are on paper."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        monkeypatch: pytest.MonkeyPatch,
        device: HostDevice = DEVICE,
    ) -> None:
        self.store, self.signals, self.pauses = store, [], []
        monkeypatch.setattr(module, "RunnerProcess", PaperProcess)
        monkeypatch.setattr(module.os, "kill", lambda pid, sent: self.signals.append((pid, sent)))
        set_clock(monkeypatch, module, sleep=self.pauses.append)
        store.write(lambda session: devices.claim(session, [device], "worker", "token", 60.0))
        self.shutdown_fd, self.shutdown = os.pipe()
        claim = Claim("worker", device, "token")
        self.main = MainProcess()
        self.supervisor = Supervisor(settings, claim, self.main, self.shutdown_fd)

    @property
    def runner(self) -> Any:
        return self.supervisor._runner


def lead(monkeypatch: pytest.MonkeyPatch, run: Callable[[Attempt], None]) -> None:
    """Have every attempt do this instead."""
    monkeypatch.setattr(Attempt, "run", lambda attempt, shutdown_fd: run(attempt))


def finish(attempt: Attempt) -> None:
    """Have a pack of one epoch reach its end at once."""
    run = attempt._run_message
    attempt._commit(
        EpochDone(
            pack=run.pack,
            number=1,
            metrics={row.row: {"val/acc": 0.5} for row in run.rows},
            best={},
            diverged=(),
            saved=None,
            final={row.row: FinalResult("file", {}) for row in run.rows},
            busy_ms=1,
            work_ms=1,
            images_per_s=1.0,
            engine=ENGINE,
        )
    )
