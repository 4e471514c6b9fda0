"""Budget: the sweep trains so many epochs in all, or ends after so many seconds."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from services.domain.spec.axis_forms import Number, Whole
from services.domain.spec.objective import Objective
from services.domain.stopping import SweepRule, register


@register
class Budget(SweepRule):
    """Train at most `epochs` epochs, summed over trials, and end the sweep `seconds` after it has begun.

    Epochs are allotted before they are trained, so the sweep never trains more, and which trials get them
    does not depend on the workers.
    """

    name: Literal["budget"] = "budget"
    epochs: Annotated[Whole, Field(ge=1)] | None = None
    seconds: Annotated[Number, Field(gt=0)] | None = None

    @model_validator(mode="after")
    def _limits_something(self) -> Budget:
        if self.epochs is None and self.seconds is None:
            raise ValueError("a budget needs epochs, the sum over all trials, or seconds, or both")
        return self

    def reason(self, best: float | None, seconds: float, objective: Objective) -> str | None:
        """Return why the sweep ends."""
        if self.seconds is None or seconds < self.seconds:
            return None
        return f"the budget of {self.seconds:g} s is spent"
