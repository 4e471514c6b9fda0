"""Pad and crop: shift an image by a few pixels."""

from typing import ClassVar

import torch
from torch import Tensor
from torch.nn.functional import pad

from cnnlab.augmentation import Augmentation
from cnnlab.hyper import Int
from cnnlab.registry import register


@register
class PadCrop(Augmentation):
    """Put p black pixels on each side of an image, and cut a window of the old size at a random place.

    y[h, w] = x[h + s − p, w + t − p], 0 outside x, with s, t = ⌊(2p + 1)·u⌋: (2p + 1)² windows, equally
    likely. The amount is p; 4 is usual for 32×32. Black is 0 before normalization; He et al. pad after the
    mean is subtracted, so that their padding has the mean's grey. A side of one pixel, as series have, is not
    shifted.
    Source: K. He et al., "Deep residual learning for image recognition" (2015), section 4.2.
    """

    numbers = 2
    amount: ClassVar = Int(default=0, low=0, high=64)

    def value(self, x: Tensor, u: Tensor, amount: float) -> Tensor:
        """Return the windows; channels are innermost in memory."""
        height, width = x.shape[2:]
        down, along = (int(amount) if side > 1 else 0 for side in (height, width))
        corner = torch.stack((u[:, 0] * (2 * down + 1), u[:, 1] * (2 * along + 1)), 1).long()  # (N, 2)
        rows = corner[:, :1] + torch.arange(height, device=x.device)  # (N, H)
        columns = corner[:, 1:] + torch.arange(width, device=x.device)  # (N, W)
        image = torch.arange(len(x), device=x.device)[:, None, None]
        framed = pad(x, (along, along, down, down))
        windows = framed[image, :, rows[:, :, None], columns[:, None, :]]  # (N, H, W, C)
        return windows.permute(0, 3, 1, 2)
