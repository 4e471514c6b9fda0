"""One batch of mixed images: which image each is mixed with, and the two targets that come of it."""

import torch
from torch import Tensor

from cnnlab.augmentation import Mixture
from cnnlab.targets import MixedTargets, mixed_targets


class Mixing:
    """Mixes a batch of N images in each stream by one mixture, with random numbers u (N, streams, numbers).

    `partner` is int64 (N, streams): the image of the batch that each one is mixed with.
    """

    def __init__(self, mixture: Mixture, amount: float, u: Tensor) -> None:
        self._mixture, self._amount, self._u = mixture, amount, u[:, :, 1:].flatten(0, 1)
        self.partner = (u[:, :, 0] * len(u)).long()
        self._share = u.new_ones(self.partner.shape)

    def images(self, x: Tensor) -> Tensor:
        """Return the images (N·streams, C, H, W) mixed."""
        streams = self.partner.shape[1]
        other = self.partner * streams + torch.arange(streams, device=x.device)
        x, share = self._mixture.mix(x, x.index_select(0, other.flatten()), self._u, self._amount)
        self._share = share.to(x.dtype).view(self.partner.shape)
        return x

    def targets(self, y: Tensor, index: Tensor, column: Tensor) -> MixedTargets:
        """Return the targets (N, K) of the images as they were mixed.

        y are all targets of the part, `index` is (N, streams), and row k has the stream column[k].
        """
        own, other = y[index], y[index.gather(0, self.partner)]
        return mixed_targets(own[:, column], other[:, column], self._share[:, column])
