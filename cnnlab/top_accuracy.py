"""Accuracy among the k highest scores: what the entries for single k have in common."""

from typing import ClassVar

import torch
from torch import Tensor

from cnnlab.metric import Metric


class TopAccuracy(Metric):
    """Share of images whose class is among the `places` highest scores.

    top-k = (images with rank(y) ≤ k) / images; rank(y) is 1 + the number of classes with a higher score. Of
    equal scores the first class comes first, as in `acc`. With k classes or fewer it would always be 1, so it
    needs more. An entry for another k is a file that sets `places`; all else follows.
    Source: O. Russakovsky et al., "ImageNet large scale visual recognition challenge" (2015), as top-5 error.
    """

    places: ClassVar[int]
    goal = "maximize"

    def __init_subclass__(cls) -> None:
        cls.min_classes = cls.places + 1
        cls.label = f"top-{cls.places} accuracy"
        cls.error = f"top{cls.places}_error"
        super().__init_subclass__()

    def totals(self, scores: Tensor, target: Tensor) -> Tensor:
        """Return the images whose class is among the highest scores, int64 (K,)."""
        own = scores.gather(2, target[..., None])  # (N, K, 1)
        before = torch.arange(scores.shape[2], device=target.device) < target[..., None]  # (N, K, classes)
        ahead = (scores > own) | ((scores == own) & before)
        return (ahead.sum(2) < self.places).sum(0)

    def value(self, totals: Tensor, images: int) -> Tensor:
        """Return their share of the images."""
        return totals / images
