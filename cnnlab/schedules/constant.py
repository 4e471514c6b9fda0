"""Constant: the number from the optimizer's config."""

from collections.abc import Mapping

from torch import Tensor

from cnnlab.registry import register
from cnnlab.schedule import Schedule


@register
class Constant(Schedule):
    """Keep the number.

    value = start
    Source: the formulas of the optimizers themselves.
    """

    def value(self, start: Tensor, t: Tensor, h: Mapping[str, Tensor], memory: Tensor) -> Tensor:
        """Return start."""
        return start
