"""workers/listeners/mirror_notifier.py: the mirror thread is notified after each commit."""

from __future__ import annotations

from scripted_runner import ENGINE

from services.domain.retry import Failure
from workers.listeners.mirror_notifier import MirrorNotifier
from workers.messages import EpochDone, Stopped


class Notified:
    def __init__(self) -> None:
        self.sweeps: list[str] = []

    def notify(self, sweep_id: str) -> None:
        self.sweeps.append(sweep_id)


def test_commits_are_passed_on_and_messages_are_not() -> None:
    mirror = Notified()
    notifier = MirrorNotifier(mirror, "s")  # type: ignore[arg-type]
    notifier.on_message(Stopped("p", None))
    assert mirror.sweeps == []
    notifier.on_epoch(EpochDone("p", 1, {}, {}, (), None, {}, 1, 1, 1.0, ENGINE))
    assert mirror.sweeps == ["s"]
    notifier.on_early_end(Failure.PREEMPTED)
    assert mirror.sweeps == ["s", "s"]
