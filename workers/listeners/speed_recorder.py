"""Measured speeds: of the whole array at a pack's end, and of a plain loop where that is not known yet."""

from __future__ import annotations

from dataclasses import replace

from services.store import speeds
from services.store.session import Store
from workers.listener import Listener
from workers.messages import EpochDone, FromRunner, Machine, Run, SpeedMeasured
from workers.run_message import LeasedPack


class SpeedRecorder(Listener):
    """Writes speeds to SQL; they belong to a shape and a kind of machine, so no lease is needed."""

    def __init__(self, store: Store, pack: LeasedPack) -> None:
        self._store, self._pack = store, pack
        self._machine_kind = ""

    def before_run(self, run: Run, machine: Machine) -> Run:
        """Ask for a measurement of a plain loop if there is none for this kind of machine."""
        self._machine_kind = machine.kind
        key = self._pack.shape_key
        known = self._store.insist(lambda session: speeds.measured(session, key, machine.kind, speeds.PLAIN))
        return replace(run, measure=known is None)

    def on_message(self, message: FromRunner) -> None:
        """Record the speed of a plain loop."""
        if isinstance(message, SpeedMeasured):
            self._record(speeds.PLAIN, message.images_per_s)

    def on_epoch(self, epoch: EpochDone) -> None:
        """Record the array's speed once its last epoch is done."""
        if epoch.final:
            self._record(self._pack.run.width, epoch.images_per_s)

    def _record(self, width: int, images_per_s: float) -> None:
        key, kind = self._pack.shape_key, self._machine_kind
        self._store.insist(lambda session: speeds.record(session, key, kind, width, images_per_s))
