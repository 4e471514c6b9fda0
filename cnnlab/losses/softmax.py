"""Softmax loss: the usual choice for classes that exclude each other."""

from collections.abc import Mapping
from typing import ClassVar

from torch import Tensor
from torch.nn.functional import log_softmax

from cnnlab.hyper import ClassWeights, Number
from cnnlab.loss import Loss
from cnnlab.registry import register


@register
class Softmax(Loss):
    """Take the negative logarithm of the probability of the right class.

    L = −log( e^(s_y) / Σ_j e^(s_j) ), natural logarithm; ln(number of classes) for equal scores.
    With smoothing ε the right class is a target of 1 − ε + ε/C and each of the others of ε/C, C classes; with
    class weights, L = (1 − ε)·w_y·l_y + ε/C·Σ_c w_c·l_c, l_c = −log p_c: torch's cross_entropy of each image.
    `balanced` is w_c = N/(C·n_c) for a class with n_c of the N training images, before label noise. A batch's
    loss is the mean over its images; torch's mean divides by the sum of their weights instead, which makes
    an image's share depend on the images beside it. Validation and test losses have both, too.
    In the notes: e^sk is printed where e^(s_k) is meant.
    Source: J. Bridle, "Probabilistic interpretation of feedforward classification network outputs" (1990); C.
    Szegedy et al., "Rethinking the inception architecture for computer vision" (2016), section 7.
    """

    probabilities = True
    smoothing: ClassVar = Number(default=0.0, low=0.0, high=0.9999)
    class_weights: ClassVar = ClassWeights()

    def value(self, scores: Tensor, target: Tensor, h: Mapping[str, Tensor]) -> Tensor:
        """Return L, (N, K); the largest score is subtracted first, so that scores of any size are safe."""
        each = -log_softmax(scores, 2) * h["class_weights"]  # (N, K, classes)
        right = each.gather(2, target[..., None]).squeeze(2)
        part = h["smoothing"]
        return (1 - part) * right + part * each.mean(2)
