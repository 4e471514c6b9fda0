"""Mixup: an image between two images has a target between theirs."""

from typing import ClassVar

from torch import Tensor

from cnnlab.augmentation import Mixture, symmetric_beta
from cnnlab.hyper import Number
from cnnlab.registry import register


@register
class Mixup(Mixture):
    """Replace each image by a weighted mean with another one of its batch.

    x̃ = λ x + (1 − λ) x′, loss = λ l(x̃, y) + (1 − λ) l(x̃, y′), λ ~ Beta(α, α) for each image. The amount is
    α: 0 is off, 0.2 is usual for large data sets, 1 for 32×32. The authors' code draws one λ for each batch
    and pairs images by a permutation; here each image has a λ and a partner of its own, as in their formula.
    Source: H. Zhang et al., "mixup: beyond empirical risk minimization" (2017), equation 1.
    """

    numbers = 3
    amount: ClassVar = Number(default=0.0, low=0.0, high=100.0, row=False)

    def mix(self, x: Tensor, other: Tensor, u: Tensor, amount: float) -> tuple[Tensor, Tensor]:
        """Return x̃ and λ."""
        share = symmetric_beta(u[:, 0], u[:, 1], amount)
        own = share.to(x.dtype)[:, None, None, None]
        return own * x + (1 - own) * other, share
