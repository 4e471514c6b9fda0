"""Rules of early stopping that do not fit the plan are refused at /stop."""

from __future__ import annotations

from typing import Any

import pytest
from paper_catalog import paper_plan, paper_spec

from services.domain.errors import SpecError
from services.domain.planning.stopping_check import check_stopping

NINE = {"model.dropout": [i / 10 for i in range(9)]}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"stop": {"name": "halving", "first": 3}},
            "halving.first puts a rung after epoch 3; it must lie before the last one, 3",
        ),
        (
            {"stop": {"name": "halving", "brackets": 3}},
            "halving.brackets puts a rung after epoch 3; it must lie before the last one, 3",
        ),
        (
            {"stop": "first-epoch", "train": {"epochs": 1}},
            "first-epoch puts a rung after epoch 1; it must lie before the last one, 1",
        ),
        (
            {"stop": "halving", "space": {"train.epochs": [3, 9]}},
            "halving compares trials after equal numbers of epochs, so train.epochs can be no axis; got 3, 9",
        ),
        (
            {"stop": {"name": "budget", "epochs": 2}},
            "budget.epochs must be at least 3, what the first trial takes, got 2",
        ),
        (
            {"stop": {"name": "budget", "epochs": 8}, "max_trials": 9},
            "budget.epochs, 8, is less than one epoch for each of the 9 trials of max_trials; "
            "raise it or lower max_trials",
        ),
    ],
)
def test_what_is_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(SpecError) as refused:
        paper_plan(paper_spec(**{"space": NINE} | changes))
    (problem,) = refused.value.problems
    assert (problem.pointer, problem.detail) == ("/stop", words)


@pytest.mark.parametrize(
    "stop",
    [
        "halving",
        {"name": "halving", "brackets": 2},
        "plateau",
        {"name": "budget", "epochs": 3},
        {"name": "budget", "seconds": 1},
    ],
)
def test_what_is_accepted(stop: Any) -> None:
    assert paper_plan(paper_spec(space=NINE, stop=stop)).trials == 9


def test_a_race_needs_trials_that_see_the_same_batches() -> None:
    spec = paper_spec(space=NINE, race=True, seeds=5)
    plan = paper_plan(spec)
    apart = [shape.model_copy(update={"mixed": True}) for shape in plan.shapes]
    with pytest.raises(SpecError, match=r"data\.stream must be replicate, got trial"):
        check_stopping(spec, plan.model_copy(update={"shapes": apart}))
