"""docs/states.md says what the table of states says."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from services.domain.states import PackState, State, SweepState, TrialState

ROOT = Path(__file__).parents[2]
SCRIPT = runpy.run_path(str(ROOT / "scripts" / "make_states_page.py"))


def test_the_page_is_the_table() -> None:
    text = (ROOT / "docs" / "states.md").read_text(encoding="utf-8")
    assert SCRIPT["page"]() == text, "run: python -m scripts.make_states_page"


@pytest.mark.parametrize("state", [*SweepState, *TrialState, *PackState], ids=repr)
def test_every_state_is_explained_in_a_sentence(state: State) -> None:
    assert state.meaning[0].isupper()
    assert state.meaning.endswith(".")
    assert f"| **{state}** | {state.meaning} |" in SCRIPT["page"]()
