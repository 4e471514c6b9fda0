"""`cnnlab edit`: a new name or description, whatever letters it has."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from strange_names import STRANGE

Run = Callable[..., tuple[int, str, str]]
Submit = Callable[[], str]


def test_a_name_and_a_description_change(at: Run, submit: Submit) -> None:
    sweep = submit()
    assert at("edit", sweep[:9], "--name", "second try") == (0, f"{sweep} is called second try.\n", "")
    code, out, _ = at("edit", sweep, "--description", "why", "--json")
    found = json.loads(out)
    assert (code, found["name"], found["description"]) == (0, "second try", "why")


def test_nothing_to_change_is_refused(at: Run, submit: Submit) -> None:
    code, _, err = at("edit", submit())
    assert code == 2
    assert "give --name, --description or both" in err
    code, _, err = at("edit", submit(), "--name", " a")
    assert code == 1
    assert "must neither begin nor end with a space" in err


@pytest.mark.parametrize("name", STRANGE)
def test_any_name_is_printed_as_it_is(at: Run, submit: Submit, name: str) -> None:
    sweep = submit()
    assert at("edit", sweep, "--name", name)[1] == f"{sweep} is called {name}.\n"
    listed = at("ls", "--name", name)[1]
    assert sweep in listed
    assert name in listed
    assert at("pause", sweep)[1].startswith(f"{name} is paused")
    assert name in at("show", sweep)[1]
