"""Maps of zeros: the shortcut that gives a residual block more maps and no parameters."""

from collections.abc import Sequence

from torch import Tensor
from torch.nn.functional import pad

from cnnlab.layer import Context, Layer, Shape
from cnnlab.plain_code import PlainCode, TrainedLayer, module
from cnnlab.plain_modules import ZeroMaps
from cnnlab.registry import register


@register
class PadMaps(Layer):
    """Keep every `stride`-th row and column, and add maps of zeros before and after the given ones.

    y = [0 (before maps), x[:, ::s, ::s], 0 (after maps)]
    Source: K. He et al., "Deep residual learning for image recognition" (2015), section 3.3, option A, which
    does not say where the zeros go.
    """

    def __init__(self, before: int, after: int, stride: int) -> None:
        self.before, self.after, self.stride = before, after, stride

    @classmethod
    def example(cls) -> tuple[Layer, Shape]:
        """Return a small one."""
        return cls(1, 2, 2), (2, 5, 4)

    def output(self, shape: Shape) -> Shape:
        """Return (before + C + after, H/s, W/s), rounded up."""
        maps, height, width = shape
        return self.before + maps + self.after, -(-height // self.stride), -(-width // self.stride)

    def forward(self, x: Tensor, p: Sequence[Tensor], b: Sequence[Tensor], context: Context) -> Tensor:
        """Return (N, K, before + C + after, H/s, W/s)."""
        return pad(x[..., :: self.stride, :: self.stride], (0, 0, 0, 0, self.before, self.after))

    def to_torch(self, trained: TrainedLayer) -> PlainCode:
        """Return a module of its own."""
        return PlainCode(module(ZeroMaps, self.before, self.after, self.stride), classes=(ZeroMaps,))
