"""L1 loss: the absolute error, so that far outliers pull no harder than near ones."""

from collections.abc import Mapping

from torch import Tensor

from cnnlab.loss import BOTH, Loss, residual
from cnnlab.registry import register


@register
class L1(Loss):
    """Take the absolute error, which the median minimizes among constants.

    L = Σ_j |r_j|, r = y − ŷ; ∂L/∂ŷ = −sign(r), 0 at r = 0. A number has one r; a class has one for each
    score, y being one-hot.
    Source: P.-S. Laplace, "Mémoire sur la probabilité des causes par les évènements" (1774).
    """

    tasks = BOTH

    def value(self, scores: Tensor, target: Tensor, h: Mapping[str, Tensor]) -> Tensor:
        """Return L, (N, K)."""
        return residual(scores, target).abs().sum(2)
