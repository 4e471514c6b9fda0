"""workers/known_speeds.py: a speed is read once, and written where it is new, different or old."""

from __future__ import annotations

import pytest

from services.store import speeds
from services.store.session import Store
from workers import known_speeds
from workers.known_speeds import KnownSpeeds


def recorded(store: Store) -> float | None:
    """What SQL has."""
    return store.read(lambda session: speeds.measured(session, "key", "cpu", 4))


def test_what_is_near_the_last_speed_is_not_written(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = KnownSpeeds(sqlite_store)
    assert known.measured("key", "cpu", 4) is None
    for speed, written in ((100.0, 100.0), (105.0, 100.0), (95.0, 100.0), (120.0, 120.0), (125.0, 120.0)):
        known.record("key", "cpu", 4, speed)
        assert recorded(sqlite_store) == written
    monkeypatch.setattr(known_speeds, "MAX_UNWRITTEN_SECONDS", 0.0)
    known.record("key", "cpu", 4, 125.0)
    assert recorded(sqlite_store) == 125.0


def test_a_speed_is_read_once(sqlite_store: Store) -> None:
    sqlite_store.write(lambda session: speeds.record(session, "key", "cpu", 4, 50.0))
    known = KnownSpeeds(sqlite_store)
    assert known.measured("key", "cpu", 4) == 50.0
    sqlite_store.write(lambda session: speeds.record(session, "key", "cpu", 4, 70.0))
    assert known.measured("key", "cpu", 4) == 50.0


def test_a_change_is_measured_by_the_speed_that_was_written(sqlite_store: Store) -> None:
    known = KnownSpeeds(sqlite_store)
    for speed, written in ((100.0, 100.0), (110.5, 110.5), (99.4, 99.4)):
        known.record("key", "cpu", 4, speed)
        assert recorded(sqlite_store) == written
