"""Global average pooling: how much of each feature an image has, regardless of where."""

from collections.abc import Sequence

from torch import Tensor

from cnnlab.layer import Context, Layer, Shape, shared, shared_batch
from cnnlab.plain_code import PlainCode, TrainedLayer
from cnnlab.registry import register


@register
class GlobalAveragePool(Layer):
    """Keep the mean of each map.

    y[c] = 1/(HW) Σ x[c, i, j]; (N, K, C, H, W) → (N, K, C)
    Source: M. Lin, Q. Chen and S. Yan, "Network in network" (2013), section 3.2.
    """

    def output(self, shape: Shape) -> Shape:
        """Return (C,)."""
        return shape[:1]

    def forward(self, x: Tensor, p: Sequence[Tensor], b: Sequence[Tensor], context: Context) -> Tensor:
        """Return (N, K, C); a shared batch stays shared."""
        # How torch adds up the pixels of maps with channels innermost depends on K.
        if shared(x):
            return shared_batch(x).contiguous().mean((2, 3))[:, None].expand(-1, x.shape[1], -1)
        return x.contiguous().mean((3, 4))

    def to_torch(self, trained: TrainedLayer) -> PlainCode:
        """Return nn.AdaptiveAvgPool2d to one pixel, and nn.Flatten."""
        return PlainCode("nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())")
