"""services/cli/commands/ls.py, against a real API without workers."""

from __future__ import annotations

import json
from collections.abc import Callable

Run = Callable[..., tuple[int, str, str]]
Submit = Callable[[], str]


def test_filters(at: Run, submit: Submit) -> None:
    paused, active = submit(), submit()
    at("pause", paused)
    found = json.loads(at("ls", "--json", "--state", "paused", "--name", "STEER")[1])
    assert paused in [sweep["id"] for sweep in found]
    assert active not in [sweep["id"] for sweep in found]
    assert len(json.loads(at("ls", "--json", "--limit", "1")[1])) == 1


def test_no_match_is_not_called_an_empty_service(at: Run) -> None:
    code, out, _ = at("ls", "--project", "nobody")
    assert (code, out) == (0, "No sweep matches.\n")


def test_a_misspelt_state(at: Run) -> None:
    code, _, err = at("ls", "--state", "pausd")
    assert code == 2
    assert "no sweep state 'pausd'. Did you mean 'paused'? The states are " in err
