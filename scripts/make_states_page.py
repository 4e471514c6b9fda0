"""Write docs/states.md from the table in services/domain/states.py: `python -m scripts.make_states_page`."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from services.domain import states
from services.domain.states import (
    PACK_MOVES,
    SWEEP_FINAL,
    SWEEP_MOVES,
    TRIAL_FINAL,
    TRIAL_MOVES,
    PackState,
    SweepState,
    TrialState,
)

S = TypeVar("S", bound=StrEnum)
PAGE = Path(__file__).parents[1] / "docs" / "states.md"
PACK_FINAL = frozenset(PackState) - frozenset(PACK_MOVES)

HEAD = """\
# States

Made from `services/domain/states.py` by `python -m scripts.make_states_page`; a test compares the two.
These are all the moves there are: `move()` in that file raises on any other, and the database's own CHECKs
refuse a state that is not named here.
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


def _section(title: str, kind: type[S], moves: Mapping[S, Mapping[S, str]], final: Collection[S]) -> str:
    said = _comments(kind)
    lines = [f"## {title}", "", "```mermaid", "stateDiagram-v2", f"    [*] --> {next(iter(kind))}"]
    lines += [f"    {old} --> {new}: {by}" for old, steps in moves.items() for new, by in steps.items()]
    lines += [f"    {state} --> [*]" for state in kind if state in final]
    lines += ["```", "", "| from | to | moved by |", "|---|---|---|"]
    lines += [f"| {old} | {new} | {by} |" for old, steps in moves.items() for new, by in steps.items()]
    lines += ["", *(f"- **{state}**: {said[state.name]}." for state in kind if state.name in said), ""]
    return "\n".join(lines)


def _comments(kind: type[StrEnum]) -> dict[str, str]:
    """What the source says behind each state; a comment is not to be had from the class itself."""
    source = Path(states.__file__).read_text(encoding="utf-8")
    body = source.split(f"class {kind.__name__}(")[1].split("\n\n\n")[0]
    return dict(re.findall(r'^    ([A-Z]+) = "\w+"  # (.+)$', body, re.MULTILINE))


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
