"""docs/states.md says what the table of states says."""

from __future__ import annotations

import runpy
from enum import StrEnum
from pathlib import Path

import pytest

from services.domain.states import PACK_MOVES, SWEEP_MOVES, TRIAL_FINAL, TrialState

ROOT = Path(__file__).parents[2]
SCRIPT = runpy.run_path(str(ROOT / "scripts" / "make_states_page.py"))


def test_the_page_is_the_table() -> None:
    text = (ROOT / "docs" / "states.md").read_text(encoding="utf-8")
    assert SCRIPT["page"]() == text, "run: python -m scripts.make_states_page"


@pytest.mark.parametrize(
    ("thing", "states"),
    [("Sweep", SWEEP_MOVES), ("Trial", set(TrialState) - TRIAL_FINAL), ("Pack", PACK_MOVES)],
    ids=["sweep", "trial", "pack"],
)
def test_every_state_that_is_not_final_says_who_moves_it_on(thing: str, states: set[StrEnum]) -> None:
    section = SCRIPT["page"]().split(f"## {thing}: ")[1].split("\n## ")[0]
    for state in states:
        assert f"- **{state}**: " in section, f"{thing} {state} has no comment in services/domain/states.py"
