"""services/cli/show/catalog_tables.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from services.cli.show.catalog_tables import allowed, entries_table, hypers_table, kinds_table

Printed = Callable[[Any], list[str]]


@pytest.mark.parametrize(
    ("hyper", "text"),
    [
        ({"low": 0, "high": 0.5}, "0 to 0.5"),
        ({"low": 1e-8, "high": 100, "log": True}, "1e-8 to 100, logarithmic"),
        ({"options": ["no", "yes"]}, "no, yes"),
        ({"kind": "activations"}, "one of activations"),
        ({"type": "widths", "least": 1, "most": 16}, "a list of 1 to 16 integers"),
        ({"type": "text"}, ""),
    ],
)
def test_what_a_hyperparameter_allows(hyper: dict[str, Any], text: str) -> None:
    assert allowed(hyper) == text


def test_a_kind_lists_its_entries(printed: Printed) -> None:
    assert printed(kinds_table({"optimizers": {"adam": {}, "sgd": {}}}))[1] == "optimizers adam, sgd"


def test_a_plug_in_is_marked_and_its_error_shown(printed: Printed) -> None:
    entries = {
        "adam": {"plugin": False, "error": None, "summary": "Divide."},
        "mine": {"plugin": True, "error": "line 3: no [class]", "summary": None},
    }
    assert printed(entries_table(entries))[1:] == ["adam Divide.", "mine line 3: no [class] (plug-in)"]


def test_hyperparameters(printed: Printed) -> None:
    hypers = {
        "lr": {"type": "number", "default": 0.001, "low": 0, "high": 1, "row": True},
        "on": {"type": "x"},
    }
    assert printed(hypers_table({"hypers": hypers}))[1:] == ["lr number 0.001 yes 0 to 1", "on x no"]
