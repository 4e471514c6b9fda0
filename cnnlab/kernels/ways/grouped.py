"""Grouped: one convolution in which each row is a group, and one wide one where rows share a batch."""

from torch import Tensor

from cnnlab.convolution import convolve
from cnnlab.kernels.convolution_way import ConvolutionWay
from cnnlab.kernels.ways import register


@register
class Grouped(ConvolutionWay):
    """One call for all rows, channels innermost; what always serves where nothing else was chosen."""

    def convolve(
        self, x: Tensor, weight: Tensor, bias: Tensor | None, padding: tuple[int, int], stride: int
    ) -> Tensor:
        """Return x ⋆ weight + bias by one convolution."""
        return convolve(x, weight, bias, padding, stride)
