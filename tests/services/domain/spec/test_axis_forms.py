"""The forms of an axis: ranges whose steps can be counted and are distinct."""

from __future__ import annotations

from typing import Any

import pytest
from paper_catalog import paper_plan, paper_spec
from pydantic import ValidationError

from services.domain.errors import SpecError
from services.domain.spec.spec import Spec


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


@pytest.mark.parametrize(
    ("written", "hint"),
    [
        ({"min": 1, "max": 9}, "{uniform: [1, 9]}, {log_uniform: [1, 9]} or {int: [1, 9]}"),
        ({"lower": 1, "upper": 3}, "{int: [1, 3]}"),
        ({"values": [0.1, 0.2]}, "a list of values is written as it is: [0.1, 0.2]"),
        ({"grid_search": [1]}, "a list of values is written as it is: [1]"),
        ({"value": 0.1}, "a single value is written as it is: 0.1"),
        ({"value": [8, 16]}, "a single value is written in a list of its own: [[8, 16]], got"),
        ({"distribution": "uniform"}, "an axis is a list, or an object with uniform, "),
    ],
)  # fmt: skip
def test_the_forms_of_other_tools_are_answered_with_ours(written: Any, hint: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Spec.model_validate({"name": "x", "space": {"train.l2": written}})
    assert hint in str(refused.value.errors()[0]["msg"])
