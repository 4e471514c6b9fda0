"""services/cli/commands/show.py, against a real API without workers."""

from __future__ import annotations

import json
from collections.abc import Callable

Run = Callable[..., tuple[int, str, str]]
Submit = Callable[[], str]
Give = Callable[[str, dict[int, list[float]]], None]


def test_a_sweep_with_its_points(at: Run, submit: Submit, give: Give) -> None:
    sweep = submit()
    give(sweep, {})
    code, out, _ = at("show", sweep)
    assert code == 0
    assert out.startswith("steered active, blocked: 0 of 12 trials done")
    assert "no worker is running" in out
    assert "optimizer dropout val/acc" in " ".join(out.split())
    shown = json.loads(at("show", sweep, "--json")[1])
    assert (shown["id"], len(shown["leaderboard"])) == (sweep, 4)


def test_a_point_with_its_trials(at: Run, submit: Submit, give: Give) -> None:
    sweep = submit()
    give(sweep, {2: [0.92, 0.91, 0.9]})
    code, out, _ = at("show", sweep, "--point", "2")
    assert code == 0
    lines = out.splitlines()
    assert lines[0].startswith("point 2: ")
    assert [line.split()[2] for line in lines[2:]] == ["0.92", "0.91", "0.9"]
    code, _, err = at("show", sweep, "--point", "4")
    assert (code, err) == (2, f"sweep {sweep} has no point 4: its points are 0 to 3\n")


def test_a_trial(at: Run, submit: Submit, give: Give) -> None:
    sweep = submit()
    give(sweep, {})
    code, out, _ = at("show", f"{sweep}-0004")
    assert code == 0
    assert f"t004 of sweep {sweep}: point " in out
    assert "replicate" in out
    assert "0 of 2" in out
