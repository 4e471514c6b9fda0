"""services/cli/show/failures.py."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytest

from services.cli.show.failures import failures


class Trials:
    """A client that has only trials."""

    def __init__(self, trials: list[dict[str, Any]]) -> None:
        self.all = trials
        self.asked = 0

    def trials(self, sweep: str, state: list[str], limit: int) -> Iterator[dict[str, Any]]:
        """Those in one of the states."""
        self.asked += 1
        return islice((trial for trial in self.all if trial["state"] in state), limit)


def failed(number: int, message: str) -> dict[str, Any]:
    return {"id": f"id{number}", "state": "failed", "failure": {"message": message}}


def lines(trials: list[dict[str, Any]], count: int) -> tuple[list[str], int]:
    client: Any = Trials(trials)
    return list(failures(client, {"id": "s", "trials": {"failed": count}})), client.asked


def test_three_messages_at_most_the_most_frequent_first() -> None:
    printed, _ = lines([failed(n, m) for n, m in enumerate("abbcdddef")], 9)
    assert [line.split(" (")[0] for line in printed] == [
        "3 trials failed: d",
        "2 trials failed: b",
        "1 trial failed: a",
        "3 more trials failed",
    ]
    assert "show id4`" in printed[0]


def test_what_is_not_read_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.cli.show.failures.MAX_FAILED_READ", 2)
    others = [{"id": "x", "state": "succeeded", "failure": None}]
    printed, asked = lines([*others, *(failed(n, "a") for n in range(5))], 5)
    assert [line.split(" (")[0] for line in printed] == ["2 trials failed: a", "3 more trials failed"]
    assert asked == 1


def test_a_sweep_without_failures_needs_no_request() -> None:
    assert lines([failed(1, "a")], 0) == ([], 0)
