"""Rescue: takes what is lost, and shows grace after an absence of its own."""

from __future__ import annotations

import pytest
from paper_sweep import fill, row_of, take, trials_of, write_sweep

from services.settings import Settings
from services.store.models import Pack
from services.store.session import Store
from services.upkeep.rescue import Rescue


class Clock:
    """The database's clock, held by a test."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, store: Store) -> None:
        self.ms = 1_000_000
        monkeypatch.setattr(store, "now", lambda: self.ms)

    def pass_by(self, seconds: float) -> None:
        self.ms += int(seconds * 1000)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch, sqlite_store: Store) -> Clock:
    """The reaper's clock."""
    return Clock(monkeypatch, sqlite_store)


def test_a_silent_worker_loses_its_pack_after_the_grace(
    sqlite_store: Store, sqlite_settings: Settings, clock: Clock
) -> None:
    sweep_id = write_sweep(sqlite_store)
    held = take(sqlite_store, fill(sqlite_store, sweep_id), ttl=-1)
    rescue = Rescue(sqlite_store, sqlite_settings)
    reaped = []
    for _ in range(8):
        reaped.append(rescue.round())
        clock.pass_by(5)
    assert reaped == [0, 0, 0, 0, 0, 0, 1, 0]
    assert row_of(sqlite_store, Pack, held.pack_id).state == "lost"
    assert {trial.state for trial in trials_of(sqlite_store, sweep_id)} == {"pending"}


def test_a_reaper_that_was_away_itself_shows_grace_again(
    sqlite_store: Store, sqlite_settings: Settings, clock: Clock
) -> None:
    rescue = Rescue(sqlite_store, sqlite_settings)
    for _ in range(8):
        rescue.round()
        clock.pass_by(5)
    take(sqlite_store, fill(sqlite_store, write_sweep(sqlite_store)), ttl=-1)
    clock.pass_by(20)  # an outage that kept the heartbeats away too
    assert rescue.round() == 0
