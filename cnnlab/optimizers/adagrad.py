"""AdaGrad: a weight's steps shrink with the sum of all its squared gradients."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from torch import Tensor

from cnnlab.hyper import Number
from cnnlab.optimizer import Rule
from cnnlab.registry import register


@register
class Adagrad(Rule):
    """Divide the gradient by the root of the sum of its squares.

    s ← s + g²;  w ← w − lr·g / (√s + eps), eps outside the root
    s is the diagonal of Σ g·gᵀ; without the root the steps would die out. A weight that seldom has a gradient
    keeps large steps.
    In the notes: the second formula divides by G_jj without the root that the text calls very important,
    the third has θ_j for θ; neither has eps. Built with root and eps; the matrix G that the notes begin with
    is in `adagrad-full`.
    Source: J. Duchi, E. Hazan and Y. Singer, "Adaptive subgradient methods" (2011), with a diagonal matrix.
    """

    slots = 1
    lr: ClassVar = Number(default=0.05, low=1e-8, high=100.0, log=True)
    eps: ClassVar = Number(default=1e-10, low=1e-16, high=1.0, log=True)

    def update(self, w: Tensor, g: Tensor, slots: Sequence[Tensor], c: Mapping[str, Tensor]) -> None:
        """Move s and w."""
        (s,) = slots
        s.addcmul_(g, g)
        w.addcdiv_(g * c["lr"], s.sqrt().add_(c["eps"]), value=-1)
