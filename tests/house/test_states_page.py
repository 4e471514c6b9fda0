"""docs/states.md says what the table of states says."""

from __future__ import annotations

import runpy
from pathlib import Path

from services.domain.states import PACK_MOVES, SWEEP_FINAL, SWEEP_LIVE, TRIAL_FINAL, TrialState

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "states.md").read_text(encoding="utf-8")


def test_the_page_is_the_table() -> None:
    script = runpy.run_path(str(ROOT / "scripts" / "make_states_page.py"))
    assert script["page"]() == TEXT, "run: python -m scripts.make_states_page"


def test_every_state_that_is_not_final_says_who_moves_it_on() -> None:
    for state in (*SWEEP_LIVE, *SWEEP_FINAL, *(frozenset(TrialState) - TRIAL_FINAL), *PACK_MOVES):
        assert f"- **{state}**: " in TEXT, f"{state} has no comment in services/domain/states.py"
