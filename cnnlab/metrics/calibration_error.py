"""Calibration error: whether a net that is 90 % sure is right nine times in ten."""

import torch
from torch import Tensor

from cnnlab import rowwise
from cnnlab.metric import Metric, count_by_class
from cnnlab.registry import register

BINS = 15
UNIT = 2**30  # confidences are counted in 1/UNIT: integers add up to the same in any order


@register
class CalibrationError(Metric):
    """Expected calibration error (ECE), over 15 equal bins of confidence.

    ECE = Σ_b |right_b − conf_b| / images. Bin b holds the images whose confidence lies in ((b − 1)/15, b/15];
    right_b of them are answered right, conf_b is the sum of their confidences. The confidence is the largest
    of the softmax of the scores, whatever the loss: only `softmax` trains scores to be logits, so after
    another loss it says how the scores would do as logits. A confidence is rounded to 2⁻³⁰. Less is better.
    It ranks no trials: a net that gives every image the frequencies of the classes has the error 0.
    Source: C. Guo et al., "On calibration of modern neural networks" (2017), section 2.
    """

    unranked = (
        "a net that gives every image the frequencies of the classes is calibrated and of no use; "
        "loss is smaller for nets that are both accurate and calibrated"
    )
    goal = "minimize"
    label = "calibration error"

    def totals(self, scores: Tensor, target: Tensor) -> Tensor:
        """Return right answers and confidences in 1/UNIT of each bin, int64 (K, 2, bins)."""
        surest, answer = scores.double().softmax(2).max(2)  # (N, K)
        surest = surest.nan_to_num(0.0)  # of a trial that has diverged
        place = ((surest * BINS).ceil().long() - 1).clamp(0, BINS - 1)
        right = count_by_class(place, answer == target, BINS)
        units = (surest * UNIT).round().long()
        return torch.stack([right, torch.zeros_like(right).scatter_add_(1, place.T, units.T)], 1)

    def value(self, totals: Tensor, images: int) -> Tensor:
        """Return Σ |right − conf| / images."""
        right, units = totals.unbind(1)  # (K, bins) each
        return rowwise.total((right - units / UNIT).abs()) / images
