"""Rescue: takes what is lost, and shows grace after an absence of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from paper_sweep import fill, row_of, take, trials_of, write_sweep

from services.settings import Settings
from services.store import endings
from services.store.models import Pack
from services.store.session import Session, Store
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


def test_slow_rounds_are_no_absence(sqlite_store: Store, sqlite_settings: Settings, clock: Clock) -> None:
    """Taking many packs back lasts longer than half a lease; that keeps no heartbeat away."""
    ids = [write_sweep(sqlite_store) for _ in range(2)]
    rescue = Rescue(sqlite_store, sqlite_settings)
    rescue.round()
    clock.pass_by(10)
    rescue.round()
    clock.pass_by(10)
    rescue.round()
    clock.pass_by(11)
    write, taken = sqlite_store.write, []
    for sweep_id in ids:
        take(sqlite_store, fill(sqlite_store, sweep_id), ttl=-1)

    def slowly(work: Callable[[Session], object]) -> object:
        clock.pass_by(20)
        return write(work)

    sqlite_store.write = slowly  # type: ignore[method-assign, assignment]
    taken.append(rescue.round())
    sqlite_store.write = write  # type: ignore[method-assign]
    clock.pass_by(2)
    take(sqlite_store, fill(sqlite_store, ids[0]), ttl=-1)
    assert [*taken, rescue.round()] == [2, 1]


def test_a_pack_that_cannot_be_taken_stops_no_other(
    sqlite_store: Store,
    sqlite_settings: Settings,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bad, good = (
        take(sqlite_store, fill(sqlite_store, write_sweep(sqlite_store)), ttl=-1).pack_id for _ in range(2)
    )
    reap = endings.reap

    def fail(session: Session, pack_id: str) -> bool:
        if pack_id == bad:
            raise ValueError("an unknown state")
        return reap(session, pack_id)

    monkeypatch.setattr("services.upkeep.rescue.endings.reap", fail)
    rescue = Rescue(sqlite_store, sqlite_settings)
    for _ in range(9):
        rescue.round()
        clock.pass_by(5)
    assert row_of(sqlite_store, Pack, good).state == "lost"
    assert row_of(sqlite_store, Pack, bad).state == "running"
    assert caplog.text.count(f"pack {bad} cannot be taken back") == 1


def test_the_next_round_is_when_a_lease_runs_out(store: Store, settings: Settings) -> None:
    usual = settings.model_copy(update={"upkeep_period": 20.0})
    rescue = Rescue(store, usual)
    assert rescue.pause() == 20.0
    take(store, fill(store, write_sweep(store)), ttl=-1)
    assert rescue.pause() == 20.0  # one that could not be taken back is not tried without a pause
    take(store, fill(store, write_sweep(store)), ttl=15)
    assert 5 < rescue.pause() <= 15.1


def test_rounds_are_rarer_while_no_lease_is_held_or_has_expired(store: Store, settings: Settings) -> None:
    rescue = Rescue(store, settings.model_copy(update={"upkeep_period": 2.0, "lease_ttl": 40.0}))
    rescue.round()
    assert rescue.pause() == 10.0
    take(store, fill(store, write_sweep(store)), ttl=-1)
    rescue.round()  # within its first grace, in which it takes nothing
    assert rescue.pause() == 2.0


def test_a_long_pause_is_no_absence(sqlite_store: Store, sqlite_settings: Settings, clock: Clock) -> None:
    settings = sqlite_settings.model_copy(update={"upkeep_period": 1.0, "lease_ttl": 40.0})
    rescue = Rescue(sqlite_store, settings)
    for _ in range(5):
        rescue.round()
        clock.pass_by(rescue.pause())
    take(sqlite_store, fill(sqlite_store, write_sweep(sqlite_store)), ttl=-1)
    clock.pass_by(15)  # less than half a lease more than the pause
    assert rescue.round() == 1


def test_a_lost_pack_is_taken_and_dispatched_as_soon_as_its_lease_runs_out(
    sqlite_store: Store, sqlite_settings: Settings
) -> None:
    settings = sqlite_settings.model_copy(update={"upkeep_period": 0.3, "lease_ttl": 0.6})
    taken = threading.Event()
    rescue = Rescue(sqlite_store, settings, on_taken=taken.set)
    rescue.start()
    try:
        assert not taken.wait(1.0)  # the grace after its start
        held = take(sqlite_store, fill(sqlite_store, write_sweep(sqlite_store)), ttl=0.3)
        assert taken.wait(20)
        assert row_of(sqlite_store, Pack, held.pack_id).state == "lost"
    finally:
        rescue.close()
