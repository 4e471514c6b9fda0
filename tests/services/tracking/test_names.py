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
    assert names.as_written(completed[1], listed([0, 0.001], completed)) == 0.001


def test_a_value_of_a_range_is_its_own_word() -> None:
    assert names.as_written(0.0123, a_range()) == 0.0123
    assert names.log10(0.01, a_range(log=True)) == "-2"
    assert names.log10(0.01, a_range()) is None
    assert names.numeric(a_range())


def test_an_object_is_a_param_by_its_label_and_all_else_as_it_was_written() -> None:
    adam, slow = {"name": "adam", "lr": 0.1}, {"name": "adam", "lr": 0.01}
    assert names.param(adam, listed([adam, slow]), "adam, lr 0.1") == "adam, lr 0.1"
    completed = [{"strength": 0.123456789, "scope": "weights"}]
    assert names.param(completed[0], listed([0.123456789], completed), "0.123457") == "0.123456789"
    assert names.param([16, 8], listed([[16, 8]]), "[16, 8]") == "[16, 8]"
    assert names.param(1e-5, a_range(), "1e-5") == "1e-05"


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


def test_runs_of_one_point_are_told_apart_by_their_replicate() -> None:
    plan = paper_plan(paper_spec(seeds=3))
    assert names.run(7, 2, plan.values(2), plan) == "t007 s2 adam, dropout 0"
    assert names.run(1, 0, {}, paper_plan(paper_spec(space={}))) == "t001 the only point"
    assert names.point(2, plan.values(2), plan) == "p2 adam, dropout 0"


def test_a_run_of_a_fold_names_it() -> None:
    plan = paper_plan(paper_spec(data={"name": "paper", "folds": 5}, seeds=2))
    assert names.run(7, 6, plan.values(2), plan) == "t007 s6 fold 1 adam, dropout 0"


def test_a_name_fits_the_servers_column() -> None:
    space = {"model.dropout": [0.0, 0.5], "train.optimizer": [{"name": "sgd", "lr": 1.0}, "sgd"]}
    plan = paper_plan(paper_spec(space=space))
    values = plan.values(0) | {"train.optimizer": {"name": "s" * 300}}
    assert len(names.run(7, 0, values, plan)) == names.MAX_RUN_NAME_CHARS
