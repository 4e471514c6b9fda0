"""Plateau: a trial that has not improved for some epochs ends.

Source: L. Prechelt, "Early stopping, but when?", in: Neural networks: tricks of the trade (1998).
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from services.domain.spec.axis_forms import Whole
from services.domain.stopping import TrialRule, register


@register
class Plateau(TrialRule):
    """End a trial whose objective had its best value `patience` epochs ago."""

    name: Literal["plateau"] = "plateau"
    patience: Annotated[Whole, Field(ge=1)] = 3

    def reason(self, epoch: int, best_epoch: int | None) -> str | None:
        """Return why a trial ends; one that never had a value counts from its beginning."""
        best = best_epoch or 0
        if epoch - best < self.patience:
            return None
        return f"no better value than that of epoch {best} in {epoch - best} epochs"
