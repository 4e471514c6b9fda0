"""Params and names: the user's own words, flat, and logarithms where charts need them."""

from __future__ import annotations

import pytest

from services.domain.plan import Axis
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


def test_an_axis_keeps_the_name_that_the_user_wrote() -> None:
    axis = Axis(path="train.optimizer.lr", row=True, values=[0.1])
    assert names.written(axis, {"model.dropout": [0], "lr": [0.1]}) == "lr"
    assert names.written(axis, {"optimizer.lr": [0.1]}) == "optimizer.lr"
    assert names.written(axis, {"train.optimizer.lr": [0.1]}) == "train.optimizer.lr"


def test_a_completed_choice_is_shown_as_it_was_written() -> None:
    completed = [{"strength": 0.0, "scope": "weights"}, {"strength": 0.001, "scope": "weights"}]
    axis = Axis(path="train.l2", row=True, values=completed)
    assert names.own_words(completed[1], axis, [0, 0.001]) == 0.001


def test_an_object_goes_by_its_name_where_that_says_all() -> None:
    adam, slow, sgd = {"name": "adam", "lr": 0.1}, {"name": "adam", "lr": 0.01}, "sgd"
    assert names.choice(adam, [adam, sgd]) == "adam"
    assert names.choice(slow, [adam, slow]) == '{"name": "adam", "lr": 0.01}'
    assert (
        names.choice({"name": "sgd", "lr": 1}, [{"name": "sgd", "lr": 1}, sgd]) == '{"name": "sgd", "lr": 1}'
    )


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
    assert names.log10(own, given) == expected


def test_replicates_share_their_text() -> None:
    assert names.without_seed({"train.l2": 0.001, "train.seed": 3}) == "l2=1e-3"
