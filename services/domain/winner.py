"""The spec that trains one point of a sweep again."""

from __future__ import annotations

from typing import Any

from services.domain.plan import Plan
from services.domain.spec import Spec

SUFFIX = " best"
LONGEST = 100  # characters of a name


def winner_spec(spec: Spec, plan: Plan, point: int) -> dict[str, Any]:
    """A spec without axes: the point's complete config, the sweep's objective, seed and number of seeds.

    Replicates see the same batches as the sweep's own. Weights and masks are drawn anew, because a trial's
    seed depends on the point's number, too: the new mean is not biased by having been the best of many.
    """
    return {
        "name": spec.name[: LONGEST - len(SUFFIX)].rstrip() + SUFFIX,
        "project": spec.project,
        **plan.config(point),
        "space": {},
        "objective": spec.objective.model_dump(mode="json"),
        "seeds": plan.seeds,
        "seed": spec.seed,
    }
