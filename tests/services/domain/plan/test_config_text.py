"""The text of configs: that of the whole config with a trial's values in it, however these are given."""

from __future__ import annotations

from typing import Any

import pytest

from services.domain.config import overlay
from services.domain.plan.config_text import ConfigText

CODE = dict.fromkeys(("net", "paper", "sgd", "adam", "step", "l2"), "digest")
BASE: dict[str, Any] = {
    "model": {"name": "net", "dropout": 0},
    "data": {"name": "paper", "path": "a.npz", "sha256": "one"},
    "train": {"epochs": 3, "optimizer": {"name": "sgd", "lr": 0.1, "momentum": 0.9}, "l2": None},
}


def text(base: dict[str, Any], values: dict[str, Any]) -> str | None:
    return ConfigText(base, CODE).of(values)


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"model.dropout": 0.5},
        {"train.optimizer": {"name": "adam", "lr": 1, "beta": 0.9}},
        {"train.optimizer.lr": 0.2, "train.optimizer": {"name": "adam", "lr": 1}},
        {"train.optimizer": {"name": "adam", "lr": {"name": "step", "every": 2}}, "train.optimizer.lr": 1},
        {"data.sha256": "two", "data.path": "b.npz"},
        {"data.sha256": ""},
        {"data.sha256": None, "data.path": "b.npz"},
        {"data.path": "b.npz"},
        {"data": {"name": "paper"}},
        {"train.epochs": 9},
        {"train.l2": 0.5, "train.epochs": 4},
    ],
)
def test_it_is_that_of_the_config_with_these_values(values: dict[str, Any]) -> None:
    assert text(BASE, values) == text(overlay(BASE, values), {})


def test_a_line_has_a_path_a_value_and_the_digests_of_what_it_names() -> None:
    assert (text(BASE, {"train.l2": 0.5}) or "").split("\n") == [
        'data.name="paper" digest',
        'data.sha256="one"',
        "model.dropout=0",
        'model.name="net" digest',
        "train.l2=0.5 digest",
        "train.optimizer.lr=0.1",
        "train.optimizer.momentum=0.9",
        'train.optimizer.name="sgd" digest',
    ]


def test_one_object_gives_the_texts_of_all_trials() -> None:
    texts = ConfigText(BASE, CODE)
    given = [{"model.dropout": 0.5}, {"train.optimizer.lr": 1}, {"model.dropout": 0.25}, {}]
    assert [texts.of(values) for values in given * 2] == [text(BASE, values) for values in given * 2]


def test_what_is_unknown_does_not_stay_so_for_another_trial() -> None:
    texts = ConfigText(BASE, CODE)
    assert texts.of({"train.optimizer": {"name": "rprop"}}) is None
    assert texts.of({"train.optimizer": {"name": "adam"}}) is not None


def test_an_unknown_entry_that_a_value_replaces_does_no_harm() -> None:
    base = overlay(BASE, {"train.optimizer": {"name": "rprop"}})
    assert text(base, {}) is None
    assert text(base, {"train.optimizer": {"name": "adam"}}) is not None
