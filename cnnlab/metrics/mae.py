"""Mean absolute error: the usual metric for numbers, in the unit of the targets."""

from torch import Tensor

from cnnlab.metric import Metric
from cnnlab.registry import register


@register
class Mae(Metric):
    """Mean distance between the number predicted and the target.

    mae = Σ |y − ŷ| / images, in the unit of the targets, whatever the loss; so losses can be compared. Less
    is better.
    Source: C. Willmott and K. Matsuura, "Advantages of the mean absolute error (MAE) …" (2005).
    """

    tasks = frozenset({"regression"})
    goal = "minimize"
    label = "mean absolute error"

    def totals(self, scores: Tensor, target: Tensor) -> Tensor:
        """Return the sum of absolute errors, (K,), in the type of the scores."""
        return (scores[..., 0] - target).abs().sum(0)

    def value(self, totals: Tensor, images: int) -> Tensor:
        """Return Σ |y − ŷ| / images."""
        return totals / images
