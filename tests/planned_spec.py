"""A spec as text, planned by the real planner and the real library."""

from __future__ import annotations

from functools import cache
from typing import Any

import yaml

from services.api.library import Library
from services.domain.plan.plan import Plan
from services.domain.planning.planner import make_plan
from services.domain.spec.spec import Spec


@cache
def library() -> Library:
    return Library()


def planned(text: str) -> Plan:
    """What a dry run of the spec would plan; SpecError where it is refused."""
    spec: dict[str, Any] = yaml.safe_load(text)
    return make_plan(Spec.model_validate(spec), library(), limit=1000, memory=2**31)
