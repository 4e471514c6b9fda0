"""Measured speeds: of the whole array at a pack's end, and of a plain loop where that is not known yet."""

from __future__ import annotations

from dataclasses import replace

from services.store.speeds import PLAIN
from workers.known_speeds import KnownSpeeds
from workers.listener import Listener
from workers.messages import EpochDone, FromRunner, Machine, Run, SpeedMeasured
from workers.run_message import LeasedPack


class SpeedRecorder(Listener):
    """Writes speeds to SQL; they belong to a shape and a kind of machine, so no lease is needed."""

    def __init__(self, speeds: KnownSpeeds, pack: LeasedPack) -> None:
        self._speeds, self._pack = speeds, pack
        self._machine_kind = ""

    def before_run(self, run: Run, machine: Machine) -> Run:
        """Ask for a measurement of a plain loop if there is none for this kind of machine.

        A trial that is alone in its array is not compared; one measurement serves all packs of a shape.
        """
        self._machine_kind = machine.kind
        many = len(run.rows) > 1
        return replace(run, measure=many and self._speeds.claims_plain(self._pack.shape_key, machine.kind))

    def on_message(self, message: FromRunner) -> None:
        """Record the speed of a plain loop."""
        if isinstance(message, SpeedMeasured):
            self._record(PLAIN, message.images_per_s)

    def on_epoch(self, epoch: EpochDone) -> None:
        """Record the array's speed once its last epoch is done."""
        if epoch.final:
            self._record(self._pack.run.width, epoch.images_per_s)

    def _record(self, width: int, images_per_s: float) -> None:
        self._speeds.record(self._pack.shape_key, self._machine_kind, width, images_per_s)
