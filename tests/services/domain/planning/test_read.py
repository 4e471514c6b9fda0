"""Step 1: what a spec says by itself, before any name is looked up."""

from __future__ import annotations

from typing import Any

import pytest
from paper_catalog import paper_spec, refusals

from services.domain.planning.limits import MAX_AXES, MAX_LISTED_VALUES
from services.domain.planning.problems import Problems
from services.domain.planning.read import read_axes, same


def test_an_axis_has_its_values_and_its_conditions() -> None:
    listed, conditional, fixed, open_range = read_axes(
        paper_spec(
            space={
                "train.optimizer": ["sgd", "adam"],
                "train.optimizer.beta": {"choice": [0.8, 0.9], "when": {"train.optimizer": "adam"}},
                "train.l2": 0.1,
                "model.dropout": {"uniform": [0, 1], "step": 0.5},
            }
        ),
        Problems(),
    )
    assert (listed.name, listed.values, listed.when) == ("train.optimizer", ["sgd", "adam"], {})
    assert (conditional.values, conditional.when) == ([0.8, 0.9], {"train.optimizer": ["adam"]})
    assert fixed.values == [0.1]
    assert open_range.values is None


def test_values_are_the_same_only_if_their_types_are() -> None:
    assert same({"name": "sgd"}, {"name": "sgd"})
    assert not same(1, 1.0)
    assert not same(1, True)


@pytest.mark.parametrize(
    ("changes", "pointer", "detail"),
    [
        ({"space": {"model.dropout": []}}, "/space/model.dropout", "no values"),
        ({"space": {"model.dropout": [0.5, 0.5]}}, "/space/model.dropout", "has the value 0.5 twice"),
        (
            {"space": {"model.dropout": list(range(MAX_LISTED_VALUES + 1))}},
            "/space/model.dropout",
            "at most 1000",
        ),
        ({"space": {f"axis{i}": [1] for i in range(MAX_AXES + 1)}}, "/space", "has 101 axes; at most 100"),
        ({"search": "gird"}, "/search", "Did you mean 'grid'?"),
        ({"search": "random", "space": {"model.dropout": {"uniform": [0, 1]}}}, "", "needs max_trials"),
        ({"search": "random", "max_trials": 200_000}, "/max_trials", "at most 100000"),
        ({"search": "random", "max_trials": 4, "seeds": 5}, "/max_trials", "at least seeds, 5"),
    ],
)
def test_what_cannot_be_an_axis_or_a_search_is_refused(
    changes: dict[str, Any], pointer: str, detail: str
) -> None:
    [(found, words)] = refusals(**changes)
    assert found == pointer
    assert detail in words


def test_every_axis_that_cannot_be_has_its_problem() -> None:
    found = refusals(space={"model.dropout": [], "train.l2": [1, 2, 1]})
    assert [pointer for pointer, _ in found] == ["/space/model.dropout", "/space/train.l2"]
