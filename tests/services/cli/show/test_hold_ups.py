"""services/cli/show/hold_ups.py."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from services.cli.show.hold_ups import blocked, hold_ups, notes

NOW = datetime(2026, 11, 28, 5, 0, 40, tzinfo=UTC)
REFUSED = {
    "kind": "refused", "message": "the last 2 attempts failed: mine.npz has changed",
    "since": "2026-11-28T04:58:00.000Z", "remedy": "restore it",
}  # fmt: skip
BEHIND = {"kind": "mlflow", "message": "MLflow does not show 2 trials", "since": None, "remedy": "wait"}
LOST = {
    "kind": "lost", "attempts": 1, "at": "2026-11-28T05:00:00.000Z",
    "message": "worker lab/7 fell silent", "then": "going on from epoch 28",
}  # fmt: skip


def lines(blockers: list[Any], setbacks: list[Any]) -> list[str]:
    return list(hold_ups({"blockers": blockers, "setbacks": setbacks}, NOW))


def test_each_blocker_has_its_time_and_what_to_do() -> None:
    assert lines([REFUSED, BEHIND], []) == [
        "blocked for 2 min 40 s: the last 2 attempts failed: mine.npz has changed",
        "  → restore it",
        "note: MLflow does not show 2 trials",
        "  → wait",
    ]


def test_each_setback_has_its_time_and_what_follows() -> None:
    crashed = {**LOST, "kind": "crashed", "attempts": 3, "message": "out of memory"}
    assert lines([], [LOST, crashed]) == [
        "1 attempt lost 40 s ago: worker lab/7 fell silent; going on from epoch 28",
        "3 attempts crashed 40 s ago: out of memory; going on from epoch 28",
    ]


def test_what_a_blocker_says_is_not_said_twice() -> None:
    same = {**LOST, "kind": "host", "message": "mine.npz has changed"}
    assert len(lines([REFUSED], [same])) == 2


def test_a_note_that_stands_above_is_left_out() -> None:
    view = {"blockers": [REFUSED, BEHIND], "setbacks": []}
    assert notes(view) == {"mlflow"}
    assert list(hold_ups(view, NOW, notes(view))) == lines([REFUSED], [])


def test_only_what_stops_training_blocks() -> None:
    assert blocked({"blockers": [BEHIND, REFUSED]})
    assert not blocked({"blockers": [BEHIND]})
