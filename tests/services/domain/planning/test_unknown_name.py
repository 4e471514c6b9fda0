"""Why a name is not a hyperparameter: it is misspelt, or belongs to another value of an axis."""

from __future__ import annotations

from paper_catalog import PaperCatalog, paper_spec

from services.domain.planning.completion import Completion
from services.domain.planning.unknown_name import UnknownNames

KNOWN = ["model.depth", "model.dropout", "model.name", "train.optimizer.lr", "train.optimizer.name"]


def unknown(**values: list[object]) -> UnknownNames:
    categories = {"train.optimizer": values.get("optimizers", ["sgd"])}
    first = {axis: listed[0] for axis, listed in categories.items()}
    return UnknownNames(categories, first, KNOWN, Completion(paper_spec(), PaperCatalog()))


def test_a_misspelt_name_gets_the_nearest_and_what_is_beside_it() -> None:
    assert unknown().why("model.dropuot") == (
        "is not a hyperparameter of this sweep. model has depth, dropout with the first value of each axis. "
        "Did you mean 'model.dropout'?"
    )


def test_the_name_field_of_an_entry_is_never_suggested() -> None:
    assert ".name" not in unknown().why("train.optimizer.nam")


def test_a_name_of_another_entry_gets_its_condition() -> None:
    assert unknown(optimizers=["sgd", {"name": "adam", "lr": 0.1}]).why("beta") == (
        "exists only with train.optimizer: adam, not with every value of that axis; "
        "write beta: {choice: […], when: {train.optimizer: adam}}"
    )


def test_values_that_cannot_be_are_passed_over() -> None:
    assert "is not a hyperparameter" in unknown(optimizers=["sgd", "adm"]).why("beta")
