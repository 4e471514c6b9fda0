"""Recall of each class: which classes are recognized, and which are not."""

import math

import torch
from torch import Tensor

from cnnlab.metric import Metric, right_by_class
from cnnlab.registry import register


@register
class Recall(Metric):
    """Share of the images of each class that is answered right: a number for each class.

    recall_c = right_c / images_c, reported as `recall-0`, `recall-1`, … by the numbers of the classes; NaN
    where a class has no images. Their mean is `balanced-acc`. More is better. It ranks no trials: a net that
    gives the same answer to every image has the recall 1 for that class.
    Source: C. Manning et al., "Introduction to information retrieval" (2008), section 8.3.
    """

    max_classes = 100
    each_class = True
    unranked = (
        "a net that gives every image the same class has recall 1 for that class; "
        "balanced-acc is the mean over the classes"
    )
    goal = "maximize"
    label = "recall"

    def totals(self, scores: Tensor, target: Tensor) -> Tensor:
        """Return right answers and images of each class, int64 (K, 2, classes)."""
        return right_by_class(scores, target)

    def value(self, totals: Tensor, images: int) -> Tensor:
        """Return each class's recall, (K, classes)."""
        right, of = totals.unbind(1)
        return torch.where(of > 0, right / of.clamp(min=1), math.nan)
