"""`cnnlab extend`, against a real API without workers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
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


@pytest.fixture
def ended(at: Run, submit: Submit, give: Give, state: Store) -> str:
    """A sweep whose trials have all succeeded."""
    sweep = submit()
    at("cancel", sweep)
    give(sweep, {0: [0.5, 0.6, 0.7]})
    ended = {"state": "succeeded", "pack_id": None, "epoch": 2}
    state.write(lambda s: s.execute(update(Trial).where(Trial.sweep_id == sweep).values(ended)))
    state.write(lambda s: sweeps.settle(s, sweep))
    return sweep


def test_a_sweep_is_continued_by_a_new_one(at: Run, ended: str) -> None:
    code, out, _ = at("extend", ended, "--seeds", "5")
    assert code == 0
    assert f"which continues {ended}: 20 trials, " in out
    answer = json.loads(at("extend", ended, "--epochs", "4", "--json")[1])
    assert answer["extends"] == ended
    assert "It continues sweep " + ended in at("show", answer["id"])[1]


def test_points_come_from_a_file(at: Run, ended: str, tmp_path: Path) -> None:
    path = tmp_path / "more.yaml"
    path.write_text("- model.dropout: 0.4\n  train.optimizer: adam\n- {dropout: 0.3, optimizer: adam}\n")
    code, out, _ = at("extend", ended, "--points", str(path))
    assert (code, f"which continues {ended}: 18 trials, " in out) == (0, True)
    path.write_text("- {dropout: 0.4}\n-\n  dropout: 0.3\n  lr: 0.1\n")
    code, _, err = at("extend", ended, "--points", str(path))
    assert code == 1
    assert f"{path}, line 4: points[1].lr: lr is not an axis of the space." in " ".join(err.split())
    path.write_text("")
    assert "must be a list of points" in at("extend", ended, "--points", str(path))[2]


def test_one_number_is_needed(at: Run) -> None:
    code, _, err = at("extend", "3f81c09a2e")
    assert code == 2
    assert "--epochs, --seeds or --points is needed" in err


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
