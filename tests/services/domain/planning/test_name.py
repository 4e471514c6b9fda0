"""Step 2: the paths of axes, also of those that exist only with some values of another one."""

from __future__ import annotations

from itertools import product
from time import process_time
from typing import Any

import pytest
from paper_catalog import paper_plan, paper_spec, refusals

from services.api.library import Library
from services.domain.errors import SpecError
from services.domain.plan.plan import Plan
from services.domain.planning.planner import make_plan
from services.domain.spec.spec import Spec

FIXED = {"name": "axes", "data": "fashion-mnist-mini"}


def planned(**fields: Any) -> Plan:
    return make_plan(Spec.model_validate(FIXED | fields), Library(), limit=1000, memory=1 << 30)


def test_a_conditional_axis_of_texts_need_not_exist_with_the_first_model() -> None:
    plan = planned(
        space={
            "model": ["lenet5", "mlp"],
            "model.hidden": {"choice": ["64-32", "32"], "when": {"model": "mlp"}},
        }
    )
    found = [plan.config(point)["model"].get("hidden") for point in range(plan.points)]
    assert found == [None, [64, 32], [32]]


def test_conditions_follow_one_another_down_to_a_third_axis() -> None:
    plan = planned(
        model="lenet5",
        space={
            "train.loss": ["softmax", "svm"],
            "train.loss.margin": {"choice": [0.5, 3], "when": {"train.loss": "svm"}},
            "data.validation": {"choice": [0.2, 0.3], "when": {"train.loss.margin": 0.5}},
            "model.activation": {"choice": ["sigmoid", "relu"], "when": {"loss": "svm"}},
            "model.activation.beta": {"choice": [2, 3], "when": {"model.activation": "sigmoid"}},
        },
    )
    margins = [0.2, 0.3, None]  # the validation part with margin 0.5, twice, and with margin 3
    assert plan.points == 1 + len(list(product(margins, ["relu", 2, 3])))


def test_a_condition_may_name_its_axis_by_the_end() -> None:
    space = {
        "train.optimizer": ["sgd", "adam"],
        "train.optimizer.beta1": {"choice": [0.8, 0.9], "when": {"optimizer": "adam"}},
    }
    assert planned(model="lenet5", space=space).points == 3


@pytest.mark.parametrize("when", [{"train.optimizer": "sgd", "train.loss": "svm"}, {}])
def test_many_choices_of_one_name_are_looked_at_once(when: dict[str, Any]) -> None:
    space = {
        "train.optimizer": [{"name": "sgd", "lr": 0.001 * (i + 1)} for i in range(300)],
        "train.loss": [{"name": "svm", "margin": 0.5 + i} for i in range(300)],
        "train.l2": {"choice": [0, 0.1], "when": when},
    } | {f"misspelt{i}": [1] for i in range(50)}
    start = process_time()
    with pytest.raises(SpecError, match="axis 'misspelt49' is not a hyperparameter of this sweep"):
        planned(model="lenet5", space=space)
    assert process_time() - start < 5


def test_a_fault_is_reported_at_its_own_place_among_values_of_one_name() -> None:
    space = {"train.optimizer": [{"name": "sgd", "lr": 0.1}, {"name": "sgd", "lr": -5}]}
    with pytest.raises(SpecError) as caught:
        planned(model="lenet5", space=space)
    assert [problem.pointer for problem in caught.value.problems] == ["/space/train.optimizer/1/lr"]


def test_the_name_field_of_an_entry_is_not_suggested() -> None:
    with pytest.raises(SpecError) as caught:
        planned(model="lenet5", space={"train.loss.margin": [1]})
    assert ".name" not in str(caught.value)


def test_a_short_name_is_written_out_where_it_is_unique() -> None:
    assert [a.path for a in paper_plan(paper_spec(space={"dropout": [0.1, 0.2]})).axes] == ["model.dropout"]


def test_an_ambiguous_short_name_lists_the_paths() -> None:
    [(pointer, detail)] = refusals(space={"name": ["a"]})
    assert pointer == "/space/name"
    assert "model.name" in detail
    assert "train.optimizer.name" in detail


@pytest.mark.parametrize(
    ("changes", "pointer", "detail"),
    [
        ({"space": {"model.dropuot": [0.1]}}, "/space/model.dropuot", "Did you mean 'model.dropout'?"),
        (
            {"space": {"train.optimizer": ["sgd"], "train.optimizer.beta": [0.1]}},
            "/space/train.optimizer.beta",
            "train.optimizer has lr with the first value of each axis",
        ),
        (
            {"space": {"train.optimizer": ["sgd", "adam"], "train.optimizer.beta": [0.1]}},
            "/space/train.optimizer.beta",
            "write train.optimizer.beta: {choice: […], when: {train.optimizer: adam}}",
        ),
        (
            {"space": {"model.name": {"int": [1, 2000]}}, "max_trials": 2000},
            "/space/model.name",
            "write the axis model",
        ),
        ({"space": {"dropout": [0.1], "model.dropout": [0.2]}}, "/space/model.dropout", "swept twice"),
        ({"model": {"name": "nat"}}, "/model", "Did you mean 'net'?"),
    ],
)
def test_a_name_without_a_path_says_what_is_there(changes: Any, pointer: str, detail: str) -> None:
    [(found, words)] = refusals(**changes)
    assert found == pointer
    assert detail in words
