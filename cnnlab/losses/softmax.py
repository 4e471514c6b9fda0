"""Softmax loss: the usual choice for classes that exclude each other."""

from collections.abc import Mapping

from torch import Tensor
from torch.nn.functional import log_softmax

from cnnlab.loss import Loss
from cnnlab.registry import register


@register
class Softmax(Loss):
    """Take the negative logarithm of the probability of the right class.

    L = −log( e^(s_y) / Σ_j e^(s_j) ), natural logarithm; ln(number of classes) for equal scores.
    In the notes: e^sk is printed where e^(s_k) is meant.
    Source: J. Bridle, "Probabilistic interpretation of feedforward classification network outputs" (1990).
    """

    def value(self, scores: Tensor, target: Tensor, h: Mapping[str, Tensor]) -> Tensor:
        """Return L, (N, K); the largest score is subtracted first, so that scores of any size are safe."""
        return -log_softmax(scores, 2).gather(2, target[..., None]).squeeze(2)
