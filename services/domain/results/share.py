"""A value that is a share of images, such as an accuracy: it lies in 0 … 1 and has a sampling error."""

from __future__ import annotations

import math

from pydantic import BaseModel, ConfigDict

from services.domain.plan.plan import Plan
from services.domain.spec.objective import Objective

Z = 1.959963984540054  # the normal distribution has 2.5 % above it


class Share(BaseModel):
    """A share of `images` images; None where their number is not known."""

    model_config = ConfigDict(frozen=True)

    images: int | None

    def sampling_error(self, share: float) -> float | None:
        """Half the width of the 95 % interval that the choice of the n images alone gives a share p.

        Wilson's: z / (1 + z²/n) · √(p (1 − p) / n + z² / 4n²). For many images that is z times the binomial
        standard error √(p (1 − p) / n), but it does not vanish at p = 0 and 1. For a mean of the classes'
        shares, the balanced accuracy, it is an approximation: exact if classes are equally large and hard.

        Source: Wilson, J. American Statistical Association 22 (1927) 209–212.
        """
        if not self.images or not 0 <= share <= 1:
            return None
        n = self.images
        return Z / (1 + Z * Z / n) * math.sqrt(share * (1 - share) / n + Z * Z / (4 * n * n))


def share_of(plan: Plan, shape: int, objective: Objective) -> Share | None:
    """What the objective's values in a shape are shares of; None if they are no shares."""
    part, name = objective.measured
    if not any(metric.name == name and metric.error for metric in plan.metrics):
        return None
    images = plan.shapes[shape].images.get(part)
    if part == "val" and images:  # of all folds, of which a repeated or forked trial has one
        images = round(images * plan.folds / (plan.base["data"].get("folds") or 1))
    return Share(images=images)
