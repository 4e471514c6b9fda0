"""Accuracy: the usual metric for classes that are about equally frequent."""

from torch import Tensor

from cnnlab.metric import Metric
from cnnlab.registry import register


@register
class Acc(Metric):
    """Share of images whose class has the highest score.

    acc = right / images; of equal scores the first class counts. More is better.
    Source: C. Bishop, "Pattern Recognition and Machine Learning" (2006), section 1.5.1.
    """

    goal = "maximize"
    label = "accuracy"
    error = "error"

    def totals(self, scores: Tensor, target: Tensor) -> Tensor:
        """Return right answers, int64 (K,)."""
        return (scores.argmax(2) == target).sum(0)

    def value(self, totals: Tensor, images: int) -> Tensor:
        """Return right / images."""
        return totals / images
