"""services/cli/commands/trace.py, against a real API without workers."""

from __future__ import annotations

import json
from collections.abc import Callable

Run = Callable[..., tuple[int, str, str]]
Submit = Callable[[], str]
Give = Callable[[str, dict[int, list[float]]], None]


def test_a_trace_is_one_page(at: Run, submit: Submit, give: Give) -> None:
    sweep = submit()
    give(sweep, {})
    code, out, _ = at("trace", f"{sweep}-0004")
    assert code == 0
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert lines[0] == f"request sweep {sweep}, steered in project default"
    assert "number 4 of 0 to 11" in lines
    assert f"reproduce cnnlab reproduce {sweep}-0004" in lines
    found = json.loads(at("trace", f"{sweep}-0004", "--json")[1])
    assert (found["trial"]["number"], found["sweep"]["id"]) == (4, sweep)
    assert found["reproduce"] == f"cnnlab reproduce {sweep}-0004"
