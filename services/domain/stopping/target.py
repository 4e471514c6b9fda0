"""Target: the sweep ends once a trial has reached a value of the objective."""

from __future__ import annotations

from typing import Literal

from services.domain.spec.axis_forms import Number
from services.domain.spec.objective import Objective
from services.domain.stopping import SweepRule, register


@register
class Target(SweepRule):
    """End the sweep once the objective of a trial is `value` or better."""

    name: Literal["target"] = "target"
    value: Number

    def reason(self, best: float | None, seconds: float, objective: Objective) -> str | None:
        """Return why the sweep ends."""
        if best is None or objective.key(best) > objective.key(self.value):
            return None
        return f"{objective.metric} has reached {best:g}; the target is {self.value:g}"
