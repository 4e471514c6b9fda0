"""The mirror's thread: it mirrors every sweep that is behind, and outlives an MLflow that does not answer."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import ClassVar

import pytest
from worker_process import wait_for

import services.tracking.tracker
from services.model_export.writer_process import ModelWriter
from services.settings import Settings
from services.store.session import Store
from services.tracking.mlflow_server import TrackingDown
from services.upkeep import mirror
from services.upkeep.mirror import Mirror


class PaperTracker:
    """A tracker that is behind with two sweeps, one for each round, and fails in its first two."""

    def __init__(self, *given: object) -> None:
        self.given = given
        self.mirrored: list[str] = []
        self.failures: list[Exception] = [TrackingDown("no answer"), RuntimeError("a bug")]
        made.append(self)

    def round(self, is_stopped: Callable[[], bool]) -> bool:
        if self.failures:
            raise self.failures.pop(0)
        left = [sweep for sweep in ("one", "two") if sweep not in self.mirrored]
        self.mirrored += left[:1]
        self.rounds += 1
        return bool(left)

    rounds = 0
    ended = False
    is_watching = True

    def has_ended(self) -> bool:
        return self.ended


class ModelWriterOnPaper(ModelWriter):
    """A writer without a process."""

    def __init__(self) -> None:
        pass


made: list[PaperTracker] = []


@pytest.fixture(autouse=True)
def _paper(monkeypatch: pytest.MonkeyPatch) -> None:
    made.clear()
    monkeypatch.setattr(services.tracking.tracker, "Tracker", PaperTracker)
    monkeypatch.setattr(mirror, "ROUND_PAUSE", 0.01)
    monkeypatch.setattr(mirror, "FAILURE_PAUSES", (0.02,))


def test_it_tries_again_after_a_failure_and_exports_everything(
    sqlite_store: Store, sqlite_settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings, writer = (
        sqlite_settings.model_copy(update={"mlflow_url": "http://nobody"}),
        ModelWriterOnPaper(),
    )
    running = Mirror(sqlite_store, settings, writer)
    with caplog.at_level(logging.WARNING):
        running.start()
        wait_for(lambda: made and made[0].mirrored == ["one", "two"], 20, "two mirrors")
        running.close()
    assert made[0].given == (sqlite_store, settings, "mirror", writer)
    assert "MLflow does not answer: no answer" in caplog.text
    assert "mirror failed, will try again" in caplog.text


def test_the_end_of_a_sweep_is_no_longer_waited_for_than_a_look(
    sqlite_store: Store, sqlite_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirror, "ROUND_PAUSE", 60.0)
    monkeypatch.setattr(mirror, "LOOKS", 3000)
    running = Mirror(sqlite_store, sqlite_settings.model_copy(update={"mlflow_url": "http://nobody"}))
    running.start()
    wait_for(lambda: made and made[0].rounds == 3, 20, "the first rest")
    made[0].ended = True
    wait_for(lambda: made[0].rounds > 4, 20, "more rounds")
    running.close()


def test_without_mlflow_there_is_nothing_to_do(sqlite_store: Store, sqlite_settings: Settings) -> None:
    idle = Mirror(sqlite_store, sqlite_settings.model_copy(update={"mlflow_url": None}))
    idle.start()
    idle.close()
    assert not made


def test_it_waits_longer_after_each_failure_in_a_row(
    sqlite_store: Store, sqlite_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcomes = [False, False, False, False, True, False]

    class Tracker(PaperTracker):
        def round(self, is_stopped: Callable[[], bool]) -> bool:
            if not outcomes.pop(0):
                raise TrackingDown("no answer")
            return True  # there is more to do

    class Event:
        waits: ClassVar[list[float]] = []

        def is_set(self) -> bool:
            return not outcomes

        def wait(self, seconds: float) -> None:
            self.waits.append(seconds)

    monkeypatch.setattr(services.tracking.tracker, "Tracker", Tracker)
    monkeypatch.setattr(mirror, "FAILURE_PAUSES", (0.5, 1.0, 5.0))
    running = Mirror(sqlite_store, sqlite_settings)
    running._stop = Event()  # type: ignore[assignment]
    running._run()
    assert Event.waits == [0.5, 1.0, 5.0, 5.0, 0.5]
