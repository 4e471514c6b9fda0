"""Square loss: the usual choice for numbers, sensitive to outliers."""

from collections.abc import Mapping

from torch import Tensor

from cnnlab.loss import BOTH, Loss, residual
from cnnlab.registry import register


@register
class Square(Loss):
    """Square the error.

    L = Σ_j r_j², r = y − ŷ, without the ½ that is common elsewhere; ∂L/∂ŷ = −2r. A number has one r; a class
    has one for each score, y being one-hot.
    In the notes: r², without the ½ of their picture of Huber's loss; both are built as shown.
    Source: A.-M. Legendre, "Nouvelles méthodes pour la détermination des orbites des comètes" (1805).
    """

    tasks = BOTH

    def value(self, scores: Tensor, target: Tensor, h: Mapping[str, Tensor]) -> Tensor:
        """Return L, (N, K)."""
        return residual(scores, target).square().sum(2)
