"""workers/mirror.py: which sweeps the thread mirrors, when it tries again, and what it leaves to upkeep."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from services import tracking
from services.settings import Settings
from services.store.session import Store
from services.tracking import TrackingDown
from workers import mirror
from workers.mirror import MirrorThread


class PaperTracker:
    """Stands where the tracker is; `answers` are what its mirrors return or raise, then True."""

    def __init__(self) -> None:
        self.mirrored: list[str] = []
        self.answers: list[Any] = []
        self.entered, self.go_on = threading.Semaphore(0), threading.Event()
        self.go_on.set()

    def __call__(self, store: Store, settings: Settings, owner: str) -> PaperTracker:
        self.owner = owner
        return self

    def mirror(self, sweep_id: str, seconds: float) -> bool:
        assert seconds == tracking.TURN_SECONDS
        self.mirrored.append(sweep_id)
        self.entered.release()
        assert self.go_on.wait(10)
        answer = self.answers.pop(0) if self.answers else True
        if isinstance(answer, Exception):
            raise answer
        return bool(answer)


@pytest.fixture
def tracker(monkeypatch: pytest.MonkeyPatch) -> PaperTracker:
    """The tracker of every mirror thread; pauses are short."""
    made = PaperTracker()
    monkeypatch.setattr(tracking, "Tracker", made)
    monkeypatch.setattr(mirror, "BUSY_SECONDS", 0.001)
    monkeypatch.setattr(mirror, "AWAY_SECONDS", (0.001, 0.002))
    return made


@pytest.fixture
def make(sqlite_store: Store, sqlite_settings: Settings) -> Callable[..., MirrorThread]:
    """Make a mirror thread that has an MLflow server."""

    def thread(overdue: bool = False) -> MirrorThread:
        settings = sqlite_settings.model_copy(update={"mlflow_url": "http://127.0.0.1:1"})
        return MirrorThread(sqlite_store, settings, "worker", lambda: overdue)

    return thread


Make = Callable[..., MirrorThread]


def test_what_is_waiting_at_the_end_is_exported_first(tracker: PaperTracker, make: Make) -> None:
    thread = make()
    for sweep_id in ("a", "b", "a"):
        thread.notify(sweep_id)
    thread.close(0)  # before it starts, so that it finds both
    thread.start()
    thread.close(10)
    assert sorted(tracker.mirrored) == ["a", "b"]
    assert tracker.owner == "worker"


def test_news_while_a_sweep_is_mirrored_is_mirrored_again(tracker: PaperTracker, make: Make) -> None:
    tracker.go_on.clear()
    thread = make()
    thread.notify("a")
    thread.start()
    assert tracker.entered.acquire(timeout=10)
    thread.notify("a")
    tracker.go_on.set()
    thread.close(10)
    assert tracker.mirrored == ["a", "a"]


@pytest.mark.parametrize("answer", [False, TrackingDown("away")], ids=repr)
def test_what_did_not_work_is_tried_again(tracker: PaperTracker, make: Make, answer: Any) -> None:
    tracker.answers = [answer, answer]
    thread = make()
    thread.start()
    thread.notify("a")
    for _ in range(3):
        assert tracker.entered.acquire(timeout=10)
    thread.close(10)
    assert tracker.mirrored == ["a"] * 3


def test_a_sweep_that_cannot_be_mirrored_holds_up_no_other(tracker: PaperTracker, make: Make) -> None:
    tracker.answers = [RuntimeError("a bug")]
    thread = make()
    thread.notify("a")
    thread.start()
    assert tracker.entered.acquire(timeout=10)
    thread.notify("b")
    assert tracker.entered.acquire(timeout=10)
    thread.notify("a")  # its next epoch
    assert tracker.entered.acquire(timeout=10)
    thread.close(10)
    assert tracker.mirrored == ["a", "b", "a"]


def test_what_does_not_work_at_the_end_is_left_to_upkeep(tracker: PaperTracker, make: Make) -> None:
    tracker.answers = [TrackingDown("away")]
    tracker.go_on.clear()
    thread = make()
    thread.notify("a")
    thread.start()
    assert tracker.entered.acquire(timeout=10)
    closing = threading.Thread(target=thread.close, args=(10,))
    closing.start()
    while not thread._closing:
        pass
    tracker.go_on.set()
    closing.join(10)
    assert not thread._thread.is_alive()
    assert tracker.mirrored == ["a"]


def test_nothing_is_exported_while_a_renewal_is_overdue(tracker: PaperTracker, make: Make) -> None:
    thread = make(overdue=True)
    thread.notify("a")
    thread.start()
    thread.close(10)
    assert tracker.mirrored == []


def test_without_an_mlflow_server_there_is_no_thread(
    tracker: PaperTracker, sqlite_store: Store, sqlite_settings: Settings
) -> None:
    thread = MirrorThread(sqlite_store, sqlite_settings, "worker", lambda: False)
    thread.start()
    thread.notify("a")
    thread.close(10)
    assert tracker.mirrored == []
