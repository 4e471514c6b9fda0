"""L2: the most common penalty, against large weights."""

from torch import Tensor

from cnnlab.registry import register
from cnnlab.regularizer import Regularizer


@register
class L2(Regularizer):
    """Add half the sum of squares to the objective.

    R = (λ/2) Σ w²; ∂R/∂w = λw, which is torch's weight_decay=λ for SGD, momentum, Adam and RMSprop.
    In the notes: "all parameters" are penalized, by λ or by λ/2 is not said. That is `scope: all` here; the
    default leaves out biases and normalization, and λ/2 makes it torch's weight_decay.
    Source: A. Krogh and J. Hertz, "A simple weight decay can improve generalization" (1992).
    """

    def value(self, w: Tensor, strength: Tensor) -> Tensor:
        """Return R, (K,)."""
        return (strength * w * w).sum(1) / 2

    def gradient(self, w: Tensor, strength: Tensor) -> Tensor:
        """Return λw, (K, P)."""
        return strength * w

    def add_gradient(self, to: Tensor, w: Tensor, strength: Tensor) -> None:
        """Add the gradient to another one, (K, P), in one pass."""
        to.addcmul_(strength, w)
