"""Branches: a convolution for each row, one after the other."""

import torch
from torch import Tensor
from torch.nn.functional import conv2d

from cnnlab.kernels.convolution_way import ConvolutionWay
from cnnlab.kernels.ways import register


@register
class Branches(ConvolutionWay):
    """K calls without groups: libraries have faster ones of these, but each must have enough to do."""

    def convolve(
        self, x: Tensor, weight: Tensor, bias: Tensor | None, padding: tuple[int, int], stride: int
    ) -> Tensor:
        """Return x ⋆ weight + bias by K convolutions."""
        images = x.expand(-1, len(weight), -1, -1, -1)
        maps = [
            conv2d(
                images[:, row].contiguous(memory_format=torch.channels_last),
                weight[row].contiguous(memory_format=torch.channels_last),
                None if bias is None else bias[row],
                stride=stride,
                padding=padding,
            )
            for row in range(len(weight))
        ]
        inner = torch.stack([own.permute(0, 2, 3, 1) for own in maps], 3)  # (N, H′, W′, K, outputs)
        return inner.permute(0, 3, 4, 1, 2)
