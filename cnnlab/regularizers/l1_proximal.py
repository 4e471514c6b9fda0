"""Proximal L1: the penalty that makes weights exactly 0."""

from collections.abc import Sequence

from torch import Tensor

from cnnlab.layer import Parameter
from cnnlab.registry import register
from cnnlab.regularizer import Regularizer


@register
class L1Proximal(Regularizer):
    """Move weights towards 0 by lr·λ after each step, and no further than 0.

    w ← sign(w) max(|w| − lr·λ, 0): the proximal map of lr·λ Σ |w|. With sgd it minimizes the same
    objective as l1 (ISTA), but weights that the loss does not need become 0, not only small.
    Source: I. Daubechies, M. Defrise and C. De Mol, "An iterative thresholding algorithm for linear inverse
    problems with a sparsity constraint" (2004).
    """

    def after(self, w: Tensor, strength: Tensor, lr: Tensor, table: Sequence[Parameter]) -> None:
        """Subtract from w its part within [−lr·λ, lr·λ]."""
        threshold = lr * strength
        w.sub_(w.clamp(-threshold, threshold))
