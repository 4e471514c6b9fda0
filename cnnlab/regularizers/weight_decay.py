"""Weight decay: weights shrink at each step, beside the objective rather than in it."""

from torch import Tensor

from cnnlab.registry import register
from cnnlab.regularizer import Regularizer


@register
class WeightDecay(Regularizer):
    """Take a share lr·λ of the weights away, whatever the optimizer makes of the gradient.

    w ← w − lr·λ·w − the optimizer's step, both from the same w: torch's AdamW with Adam. With sgd it is l2,
    with momentum or Adam it is not, because there l2 passes through the average and the division.
    Source: I. Loshchilov and F. Hutter, "Decoupled weight decay regularization" (2019).
    """

    def before(self, w: Tensor, strength: Tensor, lr: Tensor) -> None:
        """Multiply w by 1 − lr·λ."""
        w.mul_(1 - lr * strength)
