"""How rules of early stopping are written, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from services.domain.spec.spec import Spec
from services.domain.spec.stop import rung_rule, sweep_rules, trial_rules


def stop(written: Any) -> list[dict[str, Any]]:
    return [rule.model_dump() for rule in Spec(name="a", stop=written).stop]


@pytest.mark.parametrize("written", [None, "none", ["none"], []])
def test_none(written: Any) -> None:
    assert stop(written) == []


def test_short_forms_are_the_long_one() -> None:
    long = [{"name": "halving", "eta": 3, "first": 1, "brackets": 1, "cohort": None}]
    assert stop("halving") == stop({"name": "halving"}) == stop([{"name": "halving", "eta": 3.0}]) == long


def test_it_survives_json_and_is_sorted_by_kind() -> None:
    spec = Spec(name="a", stop=["median", "plateau", {"name": "target", "value": 0.9}])
    assert Spec.model_validate_json(spec.model_dump_json()).stop == spec.stop
    assert rung_rule(spec.stop) == spec.stop[0]
    assert trial_rules(spec.stop) == [spec.stop[1]]
    assert sweep_rules(spec.stop) == [spec.stop[2]]
    assert rung_rule([]) is None


@pytest.mark.parametrize(
    ("written", "place", "words"),
    [
        ("halvin", ("stop",), "no stopping rule 'halvin'. Did you mean 'halving'?"),
        (3, ("stop",), "must be the name of a rule or an object with name, got 3"),
        ({"eta": 3}, ("stop",), "must be the name of a rule or an object with name"),
        (["none", "plateau"], ("stop",), "none stands alone"),
        (["plateau", "plateau"], ("stop",), "has the rule 'plateau' twice"),
        (["halving", "median"], ("stop",), "at most one rule may compare points at rungs, got halving and"),
        ({"name": "halving", "eta": 1}, ("stop", 0, "halving", "eta"), "greater than or equal to 2"),
        ({"name": "halving", "first": 0}, ("stop", 0, "halving", "first"), "greater than or equal to 1"),
        ({"name": "target"}, ("stop", 0, "target", "value"), "required"),
        ({"name": "target", "value": "high"}, ("stop", 0, "target", "value"), "must be a number"),
        ({"name": "plateau", "patient": 3}, ("stop", 0, "plateau", "patient"), "not permitted"),
        ({"name": "budget"}, ("stop", 0, "budget"), "needs epochs"),
        ({"name": "budget", "seconds": 0}, ("stop", 0, "budget", "seconds"), "greater than 0"),
    ],
)
def test_what_is_refused(written: Any, place: tuple[Any, ...], words: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Spec(name="a", stop=written)
    (fault,) = refused.value.errors()
    assert fault["loc"] == place
    assert words in fault["msg"]
