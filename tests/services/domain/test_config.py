"""Dotted paths in nested dicts."""

from __future__ import annotations

import pytest

from services.domain.config import as_trained, overlay, read, related, without

CONFIG = {"model": "lenet5", "train": {"optimizer": {"name": "sgd", "lr": 0.1}, "l2": None}}


def test_a_path_is_read_step_by_step() -> None:
    assert read(CONFIG, "train.optimizer.lr") == 0.1
    assert read(CONFIG, "model") == "lenet5"


@pytest.mark.parametrize("path", ["train.optimizer.beta", "model.dropout", "data"])
def test_a_path_that_is_not_there_is_a_key_error(path: str) -> None:
    with pytest.raises(KeyError):
        read(CONFIG, path)


def test_an_overlay_sets_parents_before_children_and_leaves_the_original() -> None:
    found = overlay(CONFIG, {"train.optimizer.beta": 0.9, "train.optimizer": {"name": "adam"}})
    assert found["train"]["optimizer"] == {"name": "adam", "beta": 0.9}
    assert CONFIG["train"]["optimizer"] == {"name": "sgd", "lr": 0.1}  # type: ignore[index]


def test_a_bare_name_becomes_an_object_and_nothing_an_empty_one() -> None:
    assert overlay(CONFIG, {"model.dropout": 0.5})["model"] == {"name": "lenet5", "dropout": 0.5}
    assert overlay(CONFIG, {"train.l2.strength": 1})["train"]["l2"] == {"strength": 1}
    assert overlay(CONFIG, {"data.flip": 0.5})["data"] == {"flip": 0.5}


def test_a_choice_is_copied() -> None:
    choice = {"name": "adam"}
    overlay(CONFIG, {"train.optimizer": choice, "train.optimizer.lr": 1})
    assert choice == {"name": "adam"}


def test_nothing_of_an_overlay_is_shared_with_what_it_was_made_of() -> None:
    config, choice = {"a": {"b": [{"c": 1}]}}, [{"d": [2]}]
    found = overlay(config, {"a.e": choice})
    found["a"]["b"][0]["c"] = found["a"]["e"][0]["d"][0] = 9
    assert (config, choice) == ({"a": {"b": [{"c": 1}]}}, [{"d": [2]}])


def test_choices_as_they_train_hold_what_others_set_in_them() -> None:
    choices = {"train.optimizer": {"name": "adam", "lr": 1}, "train.optimizer.lr": 2, "model.dropout": 0.5}
    assert as_trained(choices) == {**choices, "train.optimizer": {"name": "adam", "lr": 2}}
    assert choices["train.optimizer"] == {"name": "adam", "lr": 1}
    assert as_trained({}) == {}


def test_a_copy_without_some_paths() -> None:
    entry = {"name": "adam", "lr": {"name": "step", "every": 2}, "beta": 0.9}
    assert without(entry, ["lr.every", "beta", "gone"]) == {"name": "adam", "lr": {"name": "step"}}
    assert entry["beta"] == 0.9
    assert without("adam", ["lr"]) == "adam"


def test_paths_are_related_if_one_is_inside_the_other() -> None:
    assert related("train.optimizer", "train.optimizer.lr")
    assert related("train.optimizer.lr", "train.optimizer")
    assert related("model", "model")
    assert not related("train.optimizer", "train.optimizers")
