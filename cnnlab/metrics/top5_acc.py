"""Top-5 accuracy: for many classes, some of which are hard to tell apart."""

import torch
from torch import Tensor

from cnnlab.metric import Metric
from cnnlab.registry import register

PLACES = 5


@register
class Top5Acc(Metric):
    """Share of images whose class is among the five with the highest scores.

    top5 = (images with rank(y) ≤ 5) / images; rank(y) is 1 + the number of classes with a higher score. Of
    equal scores the first class comes first, as in `acc`. With five classes or fewer it would always be 1.
    More is better.
    Source: O. Russakovsky et al., "ImageNet large scale visual recognition challenge" (2015), as top-5 error.
    """

    min_classes = PLACES + 1
    goal = "maximize"
    label = "top-5 accuracy"
    error = "top5_error"

    def totals(self, scores: Tensor, target: Tensor) -> Tensor:
        """Return the images whose class is among the five, int64 (K,)."""
        own = scores.gather(2, target[..., None])  # (N, K, 1)
        before = torch.arange(scores.shape[2], device=target.device) < target[..., None]  # (N, K, classes)
        ahead = (scores > own) | ((scores == own) & before)
        return (ahead.sum(2) < PLACES).sum(0)

    def value(self, totals: Tensor, images: int) -> Tensor:
        """Return their share of the images."""
        return totals / images
