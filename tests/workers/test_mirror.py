"""workers/mirror.py: a worker mirrors only what nobody else does, and training waits for nothing of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest
from paper_sweep import write_sweep
from sqlalchemy import update
from worker_process import wait_for

from services.settings import Settings
from services.store.models import MirrorSweep, Sweep
from services.store.session import Store
from services.tracking.mlflow_server import TrackingDown
from workers import mirror
from workers.mirror import MirrorThread


class PaperTracker:
    """Stands where the tracker is; `answers` are what its mirrors raise, then nothing."""

    def __init__(self) -> None:
        self.mirrored: list[str] = []
        self.answers: list[Exception] = []

    def __call__(self, store: Store, settings: Settings, owner: str) -> PaperTracker:
        self.owner = owner
        return self

    def mirror(self, sweep_id: str, seconds: float) -> bool:
        assert seconds == mirror.STAND_IN_SECONDS
        self.mirrored.append(sweep_id)
        if self.answers:
            raise self.answers.pop()
        return True


Make = Callable[..., MirrorThread]


@pytest.fixture
def tracker(monkeypatch: pytest.MonkeyPatch) -> PaperTracker:
    made = PaperTracker()
    monkeypatch.setattr("services.tracking.tracker.Tracker", made)
    return made


@pytest.fixture
def make(sqlite_store: Store, sqlite_settings: Settings) -> Iterator[Make]:
    """Make mirror threads that look every hundredth of a second."""
    made: list[MirrorThread] = []

    def thread(overdue: bool = False, **changes: object) -> MirrorThread:
        some = {"mlflow_url": "http://127.0.0.1:1", "upkeep_period": 0.01} | changes
        made.append(MirrorThread(sqlite_store, sqlite_settings.model_copy(update=some), "w", lambda: overdue))
        made[-1].start()
        return made[-1]

    yield thread
    for each in made:
        each.close(10)
        assert not each._thread.is_alive()


@pytest.fixture
def alone(sqlite_store: Store) -> str:
    """A sweep that was made a minute ago, of which MLflow has nothing."""
    sweep_id = write_sweep(sqlite_store)
    sqlite_store.write(lambda s: s.execute(update(Sweep).values(created_at=Sweep.created_at - 60_000)))
    return sweep_id


def test_a_sweep_that_is_left_alone_is_mirrored(tracker: PaperTracker, make: Make, alone: str) -> None:
    make().notify(alone)
    wait_for(lambda: tracker.mirrored == [alone], 10, "a mirror")
    assert tracker.owner == "w"


@pytest.mark.parametrize("change", ["mirrored", "new", "leased", "left out", "failed"])
def test_what_somebody_mirrors_or_nobody_can_is_not(
    tracker: PaperTracker, make: Make, sqlite_store: Store, alone: str, change: str
) -> None:
    now = sqlite_store.now()
    values: dict[str, dict[str, object]] = {
        "mirrored": {"mirrored_at": now},
        "leased": {"lease_owner": "upkeep", "lease_until": now + 60_000},
        "left out": {"left_out": "deleted"},
        "failed": {"not_before": now + 60_000},
    }
    if change == "new":
        sqlite_store.write(lambda session: session.execute(update(Sweep).values(created_at=now)))
    else:
        sqlite_store.write(lambda s: s.execute(update(MirrorSweep).values(values[change])))
    thread = make(upkeep_period=1.0)
    thread._look(alone)
    assert tracker.mirrored == []


def test_a_failure_is_followed_by_the_next_look(tracker: PaperTracker, make: Make, alone: str) -> None:
    tracker.answers = [TrackingDown("away"), RuntimeError("a bug")]
    thread = make()

    def three() -> bool:
        thread.notify(alone)
        return len(tracker.mirrored) >= 3

    wait_for(three, 10, "three mirrors")


def test_nothing_is_mirrored_while_a_renewal_is_overdue(
    tracker: PaperTracker, make: Make, alone: str
) -> None:
    make(overdue=True)._look(alone)
    assert tracker.mirrored == []


def test_without_an_mlflow_server_there_is_no_thread(tracker: PaperTracker, make: Make, alone: str) -> None:
    before = threading.active_count()
    make(mlflow_url=None).notify(alone)
    assert threading.active_count() == before
