"""Short names of paths, entries by their names, and values that conditions want."""

from __future__ import annotations

import pytest

from services.domain.spec.names import entry_name, full_path, matches, paths_named

PATHS = ["model.dropout", "model.norm.name", "train.optimizer.name", "train.optimizer", "data.input_dropout"]


@pytest.mark.parametrize(
    ("name", "paths"),
    [
        ("train.optimizer", ["train.optimizer"]),
        ("optimizer", ["train.optimizer"]),
        ("optimizer.name", ["train.optimizer.name"]),
        ("name", ["model.norm.name", "train.optimizer.name"]),
        ("dropout", ["model.dropout"]),  # not input_dropout: a name ends at a dot
        ("model", []),
    ],
)
def test_a_name_is_a_path_or_the_end_of_some(name: str, paths: list[str]) -> None:
    assert paths_named(name, PATHS) == paths
    assert full_path(name, PATHS) == (paths[0] if len(paths) == 1 else None)


def test_a_path_that_is_also_the_end_of_another_means_itself() -> None:
    assert full_path("l2", ["l2", "train.l2"]) == "l2"


def test_an_entry_goes_by_its_name_and_all_else_as_it_is() -> None:
    assert entry_name({"name": "adam", "lr": 0.1}) == "adam"
    assert entry_name({"strength": 1}) == {"strength": 1}
    assert entry_name(0.5) == 0.5


@pytest.mark.parametrize(
    ("value", "wanted", "expected"),
    [
        (0.5, 0.5, True),
        (1, 1.0, True),
        (1, True, False),
        (True, True, True),
        ({"name": "adam", "lr": 0.1}, "adam", True),
        ("adam", {"name": "adam"}, True),
        ({"name": "adam", "lr": 0.1}, {"name": "adam", "lr": 0.1}, True),
        ({"name": "adam", "lr": 0.1}, {"lr": 0.1}, True),
        ({"name": "adam", "lr": 0.1}, {"lr": 0.2}, False),
        ("adam", {"name": "adam", "lr": 0.1}, False),
        ("sgd", "adam", False),
    ],
)
def test_a_condition_wants_a_value_an_entry_or_some_of_its_fields(
    value: object, wanted: object, expected: bool
) -> None:
    assert matches(value, wanted) is expected
