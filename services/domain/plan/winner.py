"""The spec that trains one point of a sweep again."""

from __future__ import annotations

from typing import Any

from services.domain.config import Config
from services.domain.plan.plan import Plan
from services.domain.spec.display_name import MAX_NAME_CHARS
from services.domain.spec.spec import Spec

SUFFIX = " best"


def winner_spec(spec: Spec, plan: Plan, config: Config) -> dict[str, Any]:
    """A spec without axes: a point's complete config, the sweep's objective and number of seeds.

    Its seed is the next one, so split, batches, weights and masks are drawn anew, and the new mean is not
    biased by having been the best of many.
    """
    return {
        "name": spec.name[: MAX_NAME_CHARS - len(SUFFIX)].rstrip() + SUFFIX,
        "project": spec.project,
        **config,
        "space": {},
        "objective": spec.objective.model_dump(mode="json"),
        "seeds": plan.seeds,
        "seed": (spec.seed + 1) % 2**31,
    }
