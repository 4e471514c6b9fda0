"""How a spec writes rules of early stopping: a name, an object with its parameters, or a list of these."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Union

from pydantic import AfterValidator, BeforeValidator, Field

from services.domain import stopping
from services.domain.errors import nearest
from services.domain.stopping import RungRule, StoppingRule, SweepRule, TrialRule

NONE = "none"


def _listed(given: Any) -> Any:
    """Write every short form as a list of objects with names; refuse an unknown name."""
    if given is None or given == NONE or given == [NONE]:
        return []
    each = given if isinstance(given, list) else [given]
    return [_named(one) for one in each]


def _named(given: Any) -> Any:
    if isinstance(given, StoppingRule):
        return given
    one = {"name": given} if isinstance(given, str) else given
    known = (NONE, *stopping.all_rules())
    if not isinstance(one, Mapping) or "name" not in one:
        raise ValueError(f"must be the name of a rule or an object with name, got {given!r}")
    if one["name"] not in known:
        hint = nearest(str(one["name"]), known)
        raise ValueError(f"no stopping rule {one['name']!r}.{hint} Known: {', '.join(known)}")
    if one["name"] == NONE:
        raise ValueError(f"{NONE} stands alone: leave it out where there are other rules")
    return one


def _distinct(rules: list[StoppingRule]) -> list[StoppingRule]:
    names = [rule.name for rule in rules]
    for index, name in enumerate(names):
        if name in names[:index]:
            raise ValueError(f"has the rule {name!r} twice")
    rung_rules = [rule.name for rule in rules if isinstance(rule, RungRule)]
    if len(rung_rules) > 1:
        raise ValueError(f"at most one rule may compare points at rungs, got {' and '.join(rung_rules)}")
    return rules


if TYPE_CHECKING:
    AnyRule = StoppingRule
else:
    AnyRule = Annotated[Union[tuple(stopping.all_rules().values())], Field(discriminator="name")]  # noqa: UP007

Stop = Annotated[list[AnyRule], BeforeValidator(_listed), AfterValidator(_distinct)]


def rung_rule(rules: list[StoppingRule]) -> RungRule | None:
    """The rule that compares points at rungs, if there is one."""
    return next((rule for rule in rules if isinstance(rule, RungRule)), None)


def trial_rules(rules: list[StoppingRule]) -> list[TrialRule]:
    """Those that end a trial by its own curve."""
    return [rule for rule in rules if isinstance(rule, TrialRule)]


def sweep_rules(rules: list[StoppingRule]) -> list[SweepRule]:
    """Those that end the whole sweep."""
    return [rule for rule in rules if isinstance(rule, SweepRule)]
