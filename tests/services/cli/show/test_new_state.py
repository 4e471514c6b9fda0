"""services/cli/show/new_state.py."""

from __future__ import annotations

import json

import pytest

from services.cli.show.new_state import print_new_state


def test_a_sweep_with_its_unfinished_trials(capsys: pytest.CaptureFixture[str]) -> None:
    counts = {"pending": 12, "queued": 0, "running": 1}
    view = {"name": "a [b]", "state": "paused", "trials": counts}
    print_new_state(view, as_json=False)
    assert capsys.readouterr().out == "a [b] is paused: 12 trials pending, 1 trial running.\n"
    print_new_state({**view, "trials": dict.fromkeys(counts, 0)}, as_json=False)
    assert capsys.readouterr().out == "a [b] is paused.\n"


def test_a_trial(capsys: pytest.CaptureFixture[str]) -> None:
    view = {"number": 7, "sweep": "s", "state": "cancelled"}
    print_new_state(view, as_json=False)
    assert capsys.readouterr().out == "t007 of sweep s is cancelled.\n"
    print_new_state({**view, "state": "running"}, as_json=False)
    assert "t007 of sweep s is running: its worker ends it within seconds" in capsys.readouterr().out
    print_new_state(view, as_json=True)
    assert json.loads(capsys.readouterr().out) == view
