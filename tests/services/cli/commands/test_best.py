"""services/cli/commands/best.py, against a real API without workers."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from io import StringIO

import pytest

Run = Callable[..., tuple[int, str, str]]
Submit = Callable[[], str]
Give = Callable[[str, dict[int, list[float]]], None]


def test_the_best_point_with_its_interval(at: Run, submit: Submit, give: Give) -> None:
    sweep = submit()
    code, _, err = at("best", sweep)
    assert code == 1
    assert "no best point" in err
    give(sweep, {0: [0.90, 0.93, 0.93], 2: [0.92, 0.915, 0.91]})
    code, out, _ = at("best", sweep)
    assert code == 0
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert lines[0] == "steered active: val/acc 0.920 ± 0.043"
    assert lines[1].startswith("point 0: momentum, dropout 0")
    assert "cannot be told apart" in lines[2]
    assert lines[4].startswith("t000 0 0.9 0 ")
    assert lines[-1] == f"Train it again with: cnnlab best {sweep} --yaml | cnnlab submit -"
    assert "cannot be told apart" in at("show", sweep)[1]


def test_its_spec_can_be_submitted(
    at: Run, submit: Submit, give: Give, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = submit()
    give(sweep, {0: [0.90, 0.93, 0.93]})
    code, text, _ = at("best", sweep, "--yaml")
    assert code == 0
    monkeypatch.setattr(sys, "stdin", StringIO(text))
    again = json.loads(at("submit", "-", "--json")[1])
    assert (again["points"], again["seeds"], again["axes"]) == (1, 3, [])
