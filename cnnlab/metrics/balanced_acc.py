"""Balanced accuracy: for classes of unequal frequency, where a rare class counts as much as a common one."""

from torch import Tensor

from cnnlab import rowwise
from cnnlab.metric import Metric, right_by_class
from cnnlab.registry import register


@register
class BalancedAcc(Metric):
    """Mean over the classes of the share of their images that is answered right.

    balanced = Σ_c recall_c / C, recall_c = right_c / images_c. C counts the classes that have images: a class
    without any has no recall and is left out. Equal to `acc` where all classes have equally many images. More
    is better.
    Source: K. Brodersen et al., "The balanced accuracy and its posterior distribution" (2010).
    """

    goal = "maximize"
    label = "balanced accuracy"
    error = "balanced_error"

    def totals(self, scores: Tensor, target: Tensor) -> Tensor:
        """Return right answers and images of each class, int64 (K, 2, classes)."""
        return right_by_class(scores, target)

    def value(self, totals: Tensor, images: int) -> Tensor:
        """Return the mean recall of the classes that have images."""
        right, of = totals.unbind(1)  # (K, classes) each
        return rowwise.total(right / of.clamp(min=1)) / (of > 0).sum(1)
