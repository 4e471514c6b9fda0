"""A sweep through a running service: waited for until its last state, and refused if that is no success."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks.search_study import running_service
from benchmarks.search_study.running_service import RunningService


def service(*states: str) -> tuple[RunningService, list[str]]:
    """A service whose sweep has these states, one at each look."""
    left, calls = list(states), list[str]()

    def sweep(*_: Any) -> dict[str, Any]:
        calls.append("look")
        return {"id": "a", "name": "grid", "state": left.pop(0)}

    stack: Any = SimpleNamespace(keep_alive=lambda: calls.append("alive"))
    client: Any = SimpleNamespace(submit=sweep, sweep=sweep)
    return RunningService(stack, client), calls


def test_a_sweep_is_waited_for_while_its_processes_are_kept_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running_service, "POLL_SECONDS", 0)
    running, calls = service("active", "active", "succeeded")
    ended = running.train({})
    assert ended.sweep["state"] == "succeeded"
    assert 0 <= ended.seconds < 60
    assert calls == ["look", "alive", "look", "alive", "look"]


def test_a_sweep_that_does_not_succeed_is_refused() -> None:
    with pytest.raises(SystemExit, match="the sweep grid must succeed, it is partial"):
        service("partial")[0].train({})
