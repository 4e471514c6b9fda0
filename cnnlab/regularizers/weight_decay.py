"""Weight decay: weights shrink at each step, outside of the objective."""

from torch import Tensor

from cnnlab.registry import register
from cnnlab.regularizer import Regularizer


@register
class WeightDecay(Regularizer):
    """Subtract lr·λ times the weights, independently of the optimizer's step.

    w ← w − lr·λ·w − the optimizer's step, both from the same w: with Adam this is torch's AdamW. With sgd it
    equals l2; with momentum or Adam it does not, because l2 then passes through the average and the division.
    Source: I. Loshchilov and F. Hutter, "Decoupled weight decay regularization" (2019).
    """

    def before(self, w: Tensor, strength: Tensor, lr: Tensor) -> None:
        """Multiply w by 1 − lr·λ."""
        w.mul_(1 - lr * strength)
