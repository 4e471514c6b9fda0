"""services/cli/failures.py."""

from __future__ import annotations

from typing import Any

from services.cli.failures import told


class Trials:
    """A client that has only trials."""

    def __init__(self, trials: list[dict[str, Any]]) -> None:
        self.all = trials
        self.asked = 0

    def trials(self, sweep: str, limit: int, offset: int) -> list[dict[str, Any]]:
        """A page of them."""
        self.asked += 1
        return self.all[offset : offset + limit]


def failed(number: int, message: str) -> dict[str, Any]:
    return {"id": f"id{number}", "state": "failed", "failure": {"message": message}}


def lines(trials: list[dict[str, Any]], count: int) -> tuple[list[str], int]:
    client: Any = Trials(trials)
    return list(told(client, {"id": "s", "trials": {"failed": count}})), client.asked


def test_three_messages_at_most_the_most_frequent_first() -> None:
    said, _ = lines([failed(n, m) for n, m in enumerate("abbcdddef")], 9)
    assert [line.split(" (")[0] for line in said] == [
        "3 trials failed: d",
        "2 trials failed: b",
        "1 trial failed: a",
        "3 trials more failed",
    ]
    assert "show id4`" in said[0]


def test_failures_are_found_behind_others() -> None:
    others = [{"id": "x", "state": "succeeded", "failure": None}] * 1500
    said, asked = lines([*others, failed(1, "a")], 1)
    assert len(said) == 1
    assert asked == 2


def test_a_sweep_without_failures_asks_nobody() -> None:
    assert lines([failed(1, "a")], 0) == ([], 0)
