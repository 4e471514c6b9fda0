"""The table of moves: what it has is possible, everything else raises."""

from __future__ import annotations

from itertools import product

import pytest

from services.domain.states import (
    PACK_MOVES,
    SWEEP_FINAL,
    SWEEP_MOVES,
    TRIAL_FINAL,
    TRIAL_MOVES,
    ImpossibleMove,
    PackState,
    SweepState,
    TrialState,
    move,
)


@pytest.mark.parametrize(
    ("states", "moves"), [(SweepState, SWEEP_MOVES), (TrialState, TRIAL_MOVES), (PackState, PACK_MOVES)]
)
def test_a_move_is_possible_exactly_when_the_table_has_it(states: type, moves: dict) -> None:  # type: ignore[type-arg]
    for old, new in product(states, states):
        if new in moves.get(old, {}):
            assert move(old, new) is new
        else:
            with pytest.raises(ImpossibleMove, match=f"{old}.*{new}"):
                move(old, new)


def test_final_states() -> None:
    assert {"succeeded", "partial", "failed", "cancelled"} == SWEEP_FINAL
    assert {"succeeded", "pruned", "failed", "cancelled"} == TRIAL_FINAL


def test_success_cannot_be_undone() -> None:
    assert TrialState.SUCCEEDED not in TRIAL_MOVES
