"""Refusals: pointers, nearest names, and one tree of exceptions."""

from __future__ import annotations

import pytest

from services.domain import errors
from services.domain.errors import Problem, Refused, ServiceError, SpecError, below, nearest, pointer


def test_a_pointer_escapes_what_it_must() -> None:
    assert pointer() == ""
    assert pointer("space", "a/b~c", 0) == "/space/a~1b~0c/0"
    assert below("/zip", 2) == "/zip/2"


def test_only_a_near_name_is_suggested() -> None:
    assert nearest("adm", ["adam", "sgd"]) == " Did you mean 'adam'?"
    assert nearest("zzz", ["adam", "sgd"]) == ""


def test_a_spec_error_says_every_place() -> None:
    error = SpecError([Problem("/name", "is required"), Problem("", "is no object")])
    assert error.detail == str(error) == "/name: is required; /: is no object"
    assert [problem.pointer for problem in error.problems] == ["/name", ""]


@pytest.mark.parametrize("name", ["SpecError", "ParameterError", "NotFound", "StateForbids"])
def test_every_refusal_is_one(name: str) -> None:
    assert issubclass(getattr(errors, name), Refused)
    assert name in str(errors.__doc__)


def test_a_lost_lease_is_no_refusal() -> None:
    assert issubclass(errors.Fenced, ServiceError)
    assert not issubclass(errors.Fenced, Refused)
