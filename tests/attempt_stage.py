"""A leased pack and everything around an attempt at it, led through a scripted runner."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence

from paper_sweep import fill, take, trials_of, write_sweep
from scripted_runner import ENGINE, ScriptedRunner
from sqlalchemy import update

from services.host import HostDevice
from services.settings import Settings
from services.store import leases
from services.store.leases import Lease
from services.store.models import Trial
from services.store.session import Store
from workers.attempt import Attempt
from workers.claim import Claim
from workers.commits import PackCommits
from workers.heartbeat import Heartbeat
from workers.listener import Listener
from workers.main_process import MainProcess
from workers.messages import (
    EpochDone,
)
from workers.run_message import read_leased_pack
from workers.watchdog import Watchdog

DEVICE = HostDevice("host", "cpu:0", "cpu", "slot 0")


class AttemptStage:
    """A leased pack of four trials and everything around an attempt at it."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self.store, self.settings = store, settings
        self.sweep_id = write_sweep(store)
        self.pack = fill(store, self.sweep_id)
        self.lease: Lease = take(store, self.pack)
        claim = Claim("worker", DEVICE, "token")
        self.heartbeat = Heartbeat(store, settings, claim, MainProcess(), lambda: None, lambda: None)
        self.heartbeat.keep(self.lease)
        self.shutdown_fd, self.shutdown = os.pipe()
        self.device = DEVICE
        self.speed: float | None = None  # seconds of an epoch, as measured before

    def lead(
        self,
        runner: ScriptedRunner,
        script: Callable[[ScriptedRunner], object],
        listeners: Sequence[Listener] = (),
    ) -> Attempt:
        """Run an attempt while the script plays the runner."""
        run = self.store.read(
            lambda s: read_leased_pack(s, leases.to_train(s, self.pack.id), self.device, self.settings)
        ).run
        commits = PackCommits(self.store, self.lease, self.heartbeat, self.settings.lease_ttl, run, "shape")
        watchdog = Watchdog(self.settings, lambda images: self.speed)
        attempt = Attempt(run, commits, self.heartbeat, runner, listeners, watchdog)  # type: ignore[arg-type]
        actor = threading.Thread(target=script, args=(runner,), daemon=True)
        actor.start()
        try:
            attempt.run(self.shutdown_fd)
        finally:
            actor.join(5)
            attempt.close()
        return attempt

    def again(self) -> None:
        """Lease another pack of the same trials."""
        self.store.write(lambda session: session.execute(update(Trial).values(not_before=0)))
        self.pack = fill(self.store, self.sweep_id)
        self.lease = take(self.store, self.pack)
        self.heartbeat.keep(self.lease)

    def epoch(self, number: int) -> EpochDone:
        """A report of an epoch of all rows."""
        return EpochDone(
            pack=self.pack.id,
            number=number,
            metrics={row: {"val/acc": 0.5} for row in range(4)},
            best={},
            diverged=(),
            saved=None,
            final={},
            busy_ms=1,
            work_ms=1,
            images_per_s=1.0,
            engine=ENGINE,
        )

    @property
    def states(self) -> list[str]:
        return [trial.state for trial in trials_of(self.store, self.sweep_id)]
