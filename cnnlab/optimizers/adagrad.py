"""AdaGrad: a weight's steps shrink with all the gradient it has ever had."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from torch import Tensor

from cnnlab.hyper import Number
from cnnlab.optimizer import Optimizer
from cnnlab.registry import register


@register
class Adagrad(Optimizer):
    """Divide the gradient by the root of the sum of its squares.

    s ← s + g²;  w ← w − lr·g / (√s + eps), eps outside the root
    s is the diagonal of Σ g·gᵀ; the full matrix is not kept. Where the formula is printed without its root,
    the root is meant: without it the steps die out. A weight that seldom has a gradient keeps large steps.
    Source: J. Duchi, E. Hazan and Y. Singer, "Adaptive subgradient methods" (2011), with a diagonal matrix.
    """

    slots = 1
    lr: ClassVar = Number(default=0.05, low=1e-8, high=100.0, log=True)
    eps: ClassVar = Number(default=1e-10, low=1e-16, high=1.0, log=True)

    def update(self, w: Tensor, g: Tensor, slots: Sequence[Tensor], c: Mapping[str, Tensor]) -> None:
        """Move s and w."""
        s = slots[0].addcmul_(g, g)
        w.addcdiv_(g * c["lr"], s.sqrt().add_(c["eps"]), value=-1)
