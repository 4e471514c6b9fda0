"""Params and names: the user's own words, flat, and logarithms where charts need them."""

from __future__ import annotations

from typing import Any

import pytest
from paper_catalog import paper_plan, paper_spec

from services.domain.plan.axis import ListedAxis, RangeAxis
from services.tracking import names


def test_a_config_becomes_flat() -> None:
    config = {"model": {"name": "net", "layers": [{"units": 3}]}, "test": None, "on": True, "lr": 1e-5}
    assert names.flatten(config) == {
        "model.name": "net",
        "model.layers": '[{"units": 3}]',
        "test": "null",
        "on": "true",
        "lr": "1e-05",
    }


def listed(written: list[Any], values: list[Any] | None = None) -> ListedAxis:
    return ListedAxis(name="l2", path="train.l2", row=True, values=values or written, written=written)


def a_range(**more: Any) -> RangeAxis:
    return RangeAxis(name="lr", path="train.optimizer.lr", row=True, low=1e-4, high=1.0, **more)


def test_a_completed_choice_is_shown_as_it_was_written() -> None:
    completed = [{"strength": 0.0, "scope": "weights"}, {"strength": 0.001, "scope": "weights"}]
    assert names.own_words(completed[1], listed([0, 0.001], completed)) == 0.001


def test_a_value_of_a_range_is_its_own_word() -> None:
    assert names.own_words(0.0123, a_range()) == 0.0123
    assert names.log10(0.01, a_range(log=True)) == "-2"
    assert names.log10(0.01, a_range()) is None
    assert names.numeric(a_range())


def test_an_object_goes_by_its_name_where_that_says_all() -> None:
    adam, slow, sgd = {"name": "adam", "lr": 0.1}, {"name": "adam", "lr": 0.01}, "sgd"
    assert names.choice(adam, listed([adam, sgd])) == "adam"
    assert names.choice(slow, listed([adam, slow])) == '{"name": "adam", "lr": 0.01}'
    one, other = {"name": "sgd", "lr": 1}, "sgd"
    assert names.choice(one, listed([one, other])) == '{"name": "sgd", "lr": 1}'


@pytest.mark.parametrize(
    ("own", "given", "expected"),
    [
        (0.001, [0.1, 0.01, 0.001], "-3"),
        (0.002, [0.2, 0.002], "-2.69897"),
        (0, [0, 0.1, 0.001], None),
        (0.1, [0, 0.1, 0.001], "-1"),
        (0.5, [0, 0.25, 0.5], None),
        (0.1, [0, 0.1], None),
        (-1, [-1, 100, 1], None),
        ("adam", ["adam", "sgd"], None),
        (True, [True, False], None),
        (100, ["auto", 1, 100], None),
    ],
)
def test_an_axis_over_decades_has_its_logarithm(
    own: object, given: list[object], expected: str | None
) -> None:
    assert names.log10(own, listed(given)) == expected


def test_points_have_texts_of_their_own() -> None:
    optimizers = [{"name": "adam", "lr": 0.01}, {"name": "adam", "lr": 0.1}, "sgd"]
    space = {"train.optimizer": optimizers, "model.dropout": [0.0, 0.5], "model.depth": 3}
    plan = paper_plan(paper_spec(space=space, seeds=3))
    texts = [names.point(plan.values(point), plan) for point in range(plan.points)]
    assert texts[0] == "optimizer=adam(lr=0.01, beta=0.9) dropout=0"
    assert texts[-1] == "optimizer=sgd dropout=0.5"
    assert len(set(texts)) == 6


def test_a_space_without_axes_has_a_name_for_its_point() -> None:
    plan = paper_plan(paper_spec(space={}))
    assert names.point(plan.values(0), plan) == "the only point"
