"""Write docs/states.md from the table in services/domain/states.py: `python -m scripts.make_states_page`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TypeVar

from services.domain.states import (
    PACK_FINAL,
    PACK_MOVES,
    SWEEP_FINAL,
    SWEEP_MOVES,
    TRIAL_FINAL,
    TRIAL_MOVES,
    Move,
    PackState,
    State,
    SweepState,
    TrialState,
)

S = TypeVar("S", bound=State)
PAGE = Path(__file__).parents[1] / "docs" / "states.md"

HEAD = """\
# States

Made from `services/domain/states.py` by `python -m scripts.make_states_page`; a test compares the two.
These are all the moves there are. `services/store/moves.py` is the only module that writes a state; it
refuses every other move, and the database's own CHECKs refuse a state that is not named here.
"""


def page() -> str:
    """The whole page."""
    return "\n".join(
        [
            HEAD,
            _section("Sweep: what a user submitted", SweepState, SWEEP_MOVES, SWEEP_FINAL),
            _section("Trial: one point of the space and one seed", TrialState, TRIAL_MOVES, TRIAL_FINAL),
            _section("Pack: one attempt at some trials, leased once", PackState, PACK_MOVES, PACK_FINAL),
        ]
    )


def _section(title: str, kind: type[S], moves: Mapping[S, Mapping[S, Move]], final: Collection[S]) -> str:
    every = [(old, new, by) for old, steps in moves.items() for new, by in steps.items()]
    lines = [f"## {title}", "", "| state | meaning |", "|---|---|"]
    lines += [f"| **{state}** | {state.meaning} |" for state in kind]
    lines += ["", "```mermaid", "stateDiagram-v2", f"    [*] --> {next(iter(kind))}"]
    # A label of the diagram ends at a second colon.
    lines += [f"    {old} --> {new}: {str(by).replace(': ', ', ')}" for old, new, by in every]
    lines += [f"    {state} --> [*]" for state in kind if state in final]
    lines += ["```", "", "| from | to | moved by |", "|---|---|---|"]
    lines += [f"| {old} | {new} | {by} |" for old, new, by in every]
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
