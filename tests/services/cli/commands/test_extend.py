"""`cnnlab extend`, against a real API without workers."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import update

from services.client import Client
from services.store import sweeps
from services.store.models import Trial
from services.store.session import Store

Run = Callable[..., tuple[int, str, str]]
Submit = Callable[[], str]
Give = Callable[[str, dict[int, list[float]]], None]


def test_a_sweep_is_continued_by_a_new_one(at: Run, submit: Submit, give: Give, state: Store) -> None:
    sweep = submit()
    at("cancel", sweep)
    give(sweep, {0: [0.5, 0.6, 0.7]})
    ended = {"state": "succeeded", "pack_id": None, "epoch": 2}
    state.write(lambda s: s.execute(update(Trial).where(Trial.sweep_id == sweep).values(ended)))
    state.write(lambda s: sweeps.settle(s, sweep))
    code, out, _ = at("extend", sweep, "--seeds", "5")
    assert code == 0
    assert f"which continues {sweep}: 20 trials, " in out
    answer = json.loads(at("extend", sweep, "--epochs", "4", "--json")[1])
    assert answer["extends"] == sweep
    assert "It continues sweep " + sweep in at("show", answer["id"])[1]


def test_one_number_is_needed(at: Run) -> None:
    code, _, err = at("extend", "3f81c09a2e")
    assert code == 2
    assert "--epochs or --seeds is needed" in err


def test_watching_shows_the_new_sweep(at: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    made = {"id": "new", "name": "n", "extends": "old"}
    monkeypatch.setattr(Client, "extend", lambda *_, **__: made)
    seen: list[Any] = []
    monkeypatch.setattr(
        "services.cli.commands.extend.watch_to_the_end", lambda _, sweep_id, __: seen.append(sweep_id) or 0
    )
    code, out, _ = at("extend", "old", "--epochs", "3", "--watch")
    assert (code, seen) == (0, ["new"])
    assert "Submitted n as new, which continues old." in out
