"""Maxout: a unit is the largest of several linear pieces, and so learns its own activation."""

from collections.abc import Sequence

from torch import Tensor

from cnnlab.errors import ConfigError
from cnnlab.layer import Context, Layer, Shape
from cnnlab.plain_code import PlainCode, TrainedLayer, module
from cnnlab.plain_modules import LargestPiece
from cnnlab.registry import register


@register
class Maxout(Layer):
    """Keep the largest of each `pieces` neighbouring features, or feature maps at each pixel.

    h[i] = max_{j<k} z[ik + j], z being the output of a linear layer with k times the units, or of a
    convolution with k times the maps; the gradient goes to the first maximum. k = 1 is the identity. Dropout
    belongs on that layer's input, never between the layer and the maximum.
    Source: I. Goodfellow et al., "Maxout networks" (2013), sections 2 and 3.
    """

    def __init__(self, pieces: int) -> None:
        self.pieces = pieces

    @classmethod
    def example(cls) -> tuple[Layer, Shape]:
        """Return a small one."""
        return cls(3), (6,)

    def output(self, shape: Shape) -> Shape:
        """Return (F/k,) or (C/k, H, W); ConfigError if k does not divide the features."""
        features, *place = shape
        if features % self.pieces:
            raise ConfigError(
                "model",
                f"maxout of {self.pieces} pieces needs a multiple of {self.pieces} features, got {features}",
            )
        return features // self.pieces, *place

    def forward(self, x: Tensor, p: Sequence[Tensor], b: Sequence[Tensor], context: Context) -> Tensor:
        """Return (N, K, F/k) or (N, K, C/k, H, W)."""
        images, rows, features, *place = x.shape
        return x.reshape(images, rows, features // self.pieces, self.pieces, *place).max(3).values

    def to_torch(self, trained: TrainedLayer) -> PlainCode:
        """Return a module of its own."""
        return PlainCode(module(LargestPiece, self.pieces), classes=(LargestPiece,))
