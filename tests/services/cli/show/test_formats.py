"""services/cli/show/formats.py."""

from __future__ import annotations

import time

import pytest

from services.cli.show.formats import duration, many, number, size, state, when


def test_one_is_no_plural() -> None:
    assert [many(n, "trial") for n in (0, 1, 2)] == ["0 trials", "1 trial", "2 trials"]


def test_four_digits_or_nothing() -> None:
    assert [number(value) for value in (0.87654321, 3.0, 0.0, None)] == ["0.8765", "3", "0", ""]


def test_bytes() -> None:
    counts = (0, 999, 1000, 1023, 1024, 12_900_000, 5 << 30, 3000 << 30)
    shown = ["0 B", "999 B", "1000 B", "1023 B", "1 KiB", "12.3 MiB", "5 GiB", "3000 GiB"]
    assert [size(count) for count in counts] == shown


def test_durations() -> None:
    assert [duration(s) for s in (3.4, 89, 125, 7260)] == ["3 s", "89 s", "2 min 5 s", "2 h 1 min"]


def test_a_moment_is_local_and_carries_its_offset_from_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "XXX-5:30")  # POSIX: 5:30 hours ahead of UTC
    time.tzset()
    try:
        assert when("2026-01-02T03:04:05Z") == "2026-01-02 08:34:05+05:30"
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_state_has_its_colour() -> None:
    assert (state("failed").plain, state("failed").style) == ("failed", "red")
    assert state("queued").style == ""
