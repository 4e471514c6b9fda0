"""Step 6: shapes that cannot be built, values that clash, and the width of packs."""

from __future__ import annotations

from time import process_time
from typing import Any

import pytest
from paper_catalog import paper_plan, paper_spec, refusals

from services.domain.errors import SpecError


def test_a_space_of_many_tied_shapes_is_counted_in_a_moment() -> None:
    five = [0.1, 0.2, 0.3, 0.4, 0.5]
    space = {"model.depth": {"int": [1, 1000]}, "model.dropout": five, "data.validation": five}
    spec = paper_spec(space=space, constraints=["depth * dropout < 1000"], search="random", max_trials=40)
    start = process_time()
    with pytest.raises(SpecError, match="needs larger images"):
        paper_plan(spec)
    assert process_time() - start < 3


def test_the_row_that_takes_most_decides_how_many_fit() -> None:
    spec = paper_spec(space={"train.optimizer": ["sgd", "adam"], "model.dropout": [0, 0.1, 0.2, 0.3]})
    [shape] = paper_plan(spec, memory=4 * 1200).shapes
    assert (shape.bytes_per_row, shape.width) == (1200, 4)
    assert shape.bytes_beside == 5000  # on a GPU; a processor's memory is not counted down to that
    [shape] = paper_plan(spec, memory=4 * 1200 - 1).shapes
    assert shape.width <= 3


def test_a_clash_of_some_points_says_how_to_leave_them_out() -> None:
    space = {"train.optimizer": ["sgd", "adam"], "model.dropout": [0, 0.95]}
    [(pointer, detail)] = refusals(space=space)
    assert pointer == "/space/model.dropout"
    assert detail.endswith("got 0.95; if only some points are like this, leave them out with a constraint")
    kept = paper_plan(paper_spec(space=space, constraints=['optimizer != "adam" or dropout < 0.9']))
    assert kept.points == 3


def test_a_point_that_cannot_be_drawn_is_refused_at_submit() -> None:
    changes = {
        "search": "random",
        "seed": 3,  # of which some point of depth 3 is drawn, and then cannot be drawn again
        "max_trials": 400,
        "space": {"model.dropout": {"uniform": [0, 1]}, "model.depth": [2, 3]},
        "constraints": ["model.depth == 2 and dropout < 0.9 or dropout < 0.0005"],
    }
    assert refusals(**changes)[0][0] == "/constraints"


@pytest.mark.parametrize(
    ("changes", "pointer", "detail"),
    [
        ({"model": {"name": "net", "depth": 9}}, "/model", "larger images"),
        ({"space": {"data.validation": [0.1, 0]}}, "/space/data.validation/1", "rank by val/acc"),
        ({"data": {"name": "paper", "validation": 0}}, "/data/validation", "or rank by train/acc"),
    ],
)
def test_a_shape_that_cannot_be_built_is_refused_where_it_is_wrong(
    changes: dict[str, Any], pointer: str, detail: str
) -> None:
    [(found, words)] = refusals(**changes)
    assert found == pointer
    assert detail in words
