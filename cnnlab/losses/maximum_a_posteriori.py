"""Maximum a posteriori: the 1998 LeNet-5's loss, for scores that are negative distances."""

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor

from cnnlab.hyper import Number
from cnnlab.loss import Loss
from cnnlab.registry import register


@register
class MaximumAPosteriori(Loss):
    """Pull the right class's distance to 0 and push the others away, beyond a rubbish class at distance j.

    L = d_y + log( e^(−j) + Σ_i e^(−d_i) ), d = −scores being distances; never negative; the sum is over all
    classes. It is the softmax loss with one more class of constant score −j, so that classes farther than j
    are hardly pushed. The paper says only that j is positive.
    Source: Y. LeCun et al., "Gradient-based learning applied to document recognition" (1998), equation 9.
    """

    probabilities = True
    j: ClassVar = Number(default=10.0, low=1e-3, high=1e3, log=True)

    def value(self, scores: Tensor, target: Tensor, h: Mapping[str, Tensor]) -> Tensor:
        """Return L, (N, K); logsumexp, so that scores of any size are safe."""
        rubbish = -h["j"][:, None].expand(*scores.shape[:2], 1)  # (N, K, 1)
        total = torch.cat((scores, rubbish), 2).logsumexp(2)
        return total - scores.gather(2, target[..., None]).squeeze(2)
