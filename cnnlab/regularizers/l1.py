"""L1: the penalty that makes weights sparse."""

from torch import Tensor

from cnnlab.registry import register
from cnnlab.regularizer import Regularizer


@register
class L1(Regularizer):
    """Add the sum of absolute values to the objective.

    R = λ Σ |w|; ∂R/∂w = λ sign(w), with sign(0) = 0. A step along this subgradient jumps over 0: weights
    become small, but hardly ever exactly 0.
    In the notes: it leads to sparse weights. By subgradients they only become small; `l1-proximal` makes them
    exactly 0.
    Source: R. Tibshirani, "Regression shrinkage and selection via the lasso" (1996).
    """

    def value(self, w: Tensor, strength: Tensor) -> Tensor:
        """Return R, (K,)."""
        return (strength * w.abs()).sum(1)

    def gradient(self, w: Tensor, strength: Tensor) -> Tensor:
        """Return λ sign(w), (K, P)."""
        return strength * w.sign()

    def add_gradient(self, to: Tensor, w: Tensor, strength: Tensor) -> None:
        """Add the gradient to another one, (K, P), in one pass."""
        to.addcmul_(strength, w.sign())
