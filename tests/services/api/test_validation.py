"""Faults point into the JSON that the user wrote, and say what to change."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from services.api.problems import MAX_FAULTS
from services.api.validation import at_written_place, problems_of
from services.domain.errors import Problem
from services.domain.spec.spec import Spec


def problems(body: dict[str, Any]) -> dict[str, str]:
    """What is refused in a spec, by pointer."""
    with pytest.raises(ValidationError) as caught:
        Spec.model_validate(body)
    faults = [{**fault, "loc": ("body", *fault["loc"])} for fault in caught.value.errors()]
    found = problems_of(RequestValidationError(faults, body=body))
    assert len({problem.pointer for problem in found}) == len(found)
    return {problem.pointer: problem.detail for problem in found}


def test_a_union_is_one_problem_at_the_place_of_its_value() -> None:
    [(pointer, detail)] = problems({"name": "a", "model": 5}).items()
    assert pointer == "/model"
    assert detail.count("got 5") == 2
    assert ", or " in detail


def test_a_missing_field_is_named_where_it_should_be() -> None:
    assert problems({}) == {"/name": "name is required"}


def test_an_unknown_field_gets_the_nearest_name() -> None:
    detail = problems({"name": "a", "objective": {"gaol": "maximize"}})["/objective/gaol"]
    assert detail == "no field 'gaol' here. Did you mean 'goal'? Known: metric, goal, at"


def test_a_parameter_is_named_because_no_pointer_can() -> None:
    fault = {
        "type": "int_parsing",
        "loc": ("query", "limit"),
        "msg": "Input should be a number",
        "input": "x",
    }
    [problem] = problems_of(RequestValidationError([fault]))
    assert problem == Problem("", "query parameter limit: input should be a number, got 'x'")


@pytest.mark.parametrize(
    ("pointer", "place", "detail"),
    [
        ("/train/epochs", "/train/epochs", "is wrong"),
        (
            "/train/batch_size",
            "/train",
            "train.batch_size, which is not set and has its default value, is wrong",
        ),
        ("/space/a~1b/1", "/space/a~1b/1", "is wrong"),
        (
            "/train/optimizer/lr",
            "/train/optimizer",
            "train.optimizer.lr, which is not set and has its default value, is wrong",
        ),
        ("/nowhere", "", "nowhere, which is not set and has its default value, is wrong"),
    ],
)
def test_a_fault_in_a_default_moves_up_to_what_was_written(pointer: str, place: str, detail: str) -> None:
    train = {"epochs": 3, "optimizer": "sgd"}
    spec = Spec.model_validate({"name": "a", "train": train, "space": {"a/b": [1, 2]}})
    assert at_written_place(Problem(pointer, "is wrong"), spec) == Problem(place, detail)


@pytest.mark.parametrize(
    ("written", "pointer", "place"),
    [
        ({"filters": 0}, "/model/filters/0", "/model/filters"),
        ({"filters": 16.5}, "/model/filters/0", "/model/filters"),
        ({"filters": "16-0"}, "/model/filters/1", "/model/filters"),
        ({"filters": [16, 0]}, "/model/filters/1", "/model/filters/1"),
        ({"filters": True}, "/model/filters/name", "/model/filters"),
    ],
)
def test_a_short_form_of_a_value_is_no_default(written: dict[str, Any], pointer: str, place: str) -> None:
    spec = Spec.model_validate({"name": "a", "model": {"name": "cnn", **written}})
    assert at_written_place(Problem(pointer, "is wrong"), spec) == Problem(place, "is wrong")


def test_of_thousands_of_faults_the_first_are_named() -> None:
    found = problems({"name": "a", **{f"field-{number}": 1 for number in range(1000)}})
    assert len(found) == MAX_FAULTS
    assert "/field-0" in found


@pytest.mark.parametrize(
    ("stop", "pointer", "detail"),
    [
        (
            {"name": "halving", "etta": 3},
            "/stop/etta",
            "no field 'etta' here. Did you mean 'eta'? Known: name, eta, first, brackets, cohort",
        ),
        (
            ["plateau", {"name": "halving", "eta": 1}],
            "/stop/1/eta",
            "input should be greater than or equal to 2, got 1",
        ),
        (
            "halvin",
            "/stop",
            "no stopping rule 'halvin'. Did you mean 'halving'? "
            "Known: none, budget, first-epoch, halving, median, plateau, target",
        ),
        (["target"], "/stop/0/value", "value is required"),
        ({"name": "budget"}, "/stop", "a budget needs epochs, the sum over all trials, or seconds, or both"),
    ],
)
def test_a_rule_of_early_stopping_is_refused_where_it_stands(stop: Any, pointer: str, detail: str) -> None:
    assert problems({"name": "a", "stop": stop}) == {pointer: detail}
