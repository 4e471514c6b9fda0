"""Step decay: a factor every few epochs."""

from collections.abc import Mapping
from typing import ClassVar

from torch import Tensor

from cnnlab.hyper import Int, Number
from cnnlab.registry import register
from cnnlab.schedule import UNIT, Schedule


@register
class Step(Schedule):
    """Multiply by a factor every n epochs or iterations.

    value = start·f^⌊t/n⌋: the first n have the start, the first drop is at t = n.
    Common choices: ½ every 5 epochs, or 0.1 every 20.
    Source: A. Krizhevsky, I. Sutskever and G. Hinton, "ImageNet classification with deep convolutional
    neural networks" (2012), section 5, with drops by hand.
    """

    every: ClassVar = Int(default=20, low=1, high=1_000_000_000, row=True)
    factor: ClassVar = Number(default=0.1, low=1e-6, high=1.0, log=True)
    unit: ClassVar = UNIT

    def value(self, start: Tensor, t: Tensor, h: Mapping[str, Tensor], memory: Tensor) -> Tensor:
        """Return start·f^⌊t/n⌋."""
        return start * h["factor"] ** (t / h["every"]).floor()
