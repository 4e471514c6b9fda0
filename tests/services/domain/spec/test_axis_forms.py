"""The forms of an axis: ranges whose steps can be counted and are distinct."""

from __future__ import annotations

from typing import Any

import pytest
from paper_catalog import paper_plan, paper_spec
from pydantic import ValidationError

from services.domain.errors import SpecError


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ({"uniform": [0, 1], "step": 1e-320}, "step of this range must be at least 1e-11, got 9.99989e-321"),
        ({"uniform": [100, 101], "step": 1e-10}, "step of this range must be at least 1.01e-09, got 1e-10"),
        ({"log_uniform": [5e-324, 2**53], "step": 10}, "must begin at 1e-100 or above, got 4.94066e-324"),
        ({"log_uniform": [1e-4, 1], "step": 1.0000000000000002}, "must be at least 1 [+] 1e-11"),
    ],
)
def test_steps_that_cannot_be_counted_or_are_too_fine_are_refused(written: Any, words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        paper_spec(space={"model.dropout": written})


def test_the_widest_logarithmic_range_can_be_counted() -> None:
    written = {"log_uniform": [1e-100, 2**53], "step": 10}
    plan = paper_plan(paper_spec(space={"train.optimizer.lr": written}))
    assert (plan.points, plan.values(0), plan.values(115)) == (
        116,
        {"train.optimizer.lr": 1e-100},
        {"train.optimizer.lr": 1e15},
    )


def test_a_range_and_the_number_it_stands_for_are_one_axis() -> None:
    space = {"train.l2": {"uniform": [0, 1]}, "train.l2.strength": [0.5, 0.6]}
    with pytest.raises(SpecError, match=r"train\.l2\.strength is swept twice"):
        paper_plan(paper_spec(space=space, search="random", max_trials=5))


def test_an_entry_is_not_swept_by_its_name_field() -> None:
    with pytest.raises(SpecError, match=r"write the axis train\.optimizer$"):
        paper_plan(paper_spec(space={"train.optimizer.name": ["sgd", "adam"]}))
