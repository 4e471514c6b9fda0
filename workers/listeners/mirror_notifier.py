"""Notify the mirror thread that a sweep has something new for MLflow."""

from __future__ import annotations

from services.domain.retry import Failure
from workers.listener import Listener
from workers.messages import EpochDone
from workers.mirror import MirrorThread


class MirrorNotifier(Listener):
    """Notifies the thread after every commit; it never waits for MLflow."""

    def __init__(self, mirror: MirrorThread, sweep_id: str) -> None:
        self._mirror, self._sweep_id = mirror, sweep_id

    def on_epoch(self, epoch: EpochDone) -> None:
        """Notify of an epoch."""
        self._mirror.notify(self._sweep_id)

    def on_early_end(self, failure: Failure) -> None:
        """Notify of an attempt that ended early."""
        self._mirror.notify(self._sweep_id)
