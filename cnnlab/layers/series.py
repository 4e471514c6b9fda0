"""Series: an image one pixel high, as a series over time."""

from collections.abc import Sequence

from torch import Tensor

from cnnlab.errors import ConfigError
from cnnlab.layer import Context, Layer, Shape
from cnnlab.plain_code import PlainCode, TrainedLayer
from cnnlab.registry import register


@register
class Series(Layer):
    """Read a row of pixels as a series: columns are steps, channels are what is measured.

    y[c, t] = x[c, 0, t]
    Source: A. Waibel et al., "Phoneme recognition using time-delay neural networks" (1989), whose inputs are
    the channels of a spectrum over time.
    """

    @classmethod
    def example(cls) -> tuple[Layer, Shape]:
        """Return a small one."""
        return cls(), (2, 1, 7)

    def output(self, shape: Shape) -> Shape:
        """Return (C, W); ConfigError unless the images are one pixel high."""
        maps, height, width = shape
        if height != 1:
            raise ConfigError("model", f"a series must be an image one pixel high, got {height}×{width}")
        return maps, width

    def forward(self, x: Tensor, p: Sequence[Tensor], b: Sequence[Tensor], context: Context) -> Tensor:
        """Return (N, K, C, W); a shared batch stays shared."""
        return x.squeeze(3)

    def to_torch(self, trained: TrainedLayer) -> PlainCode:
        """Return nn.Flatten of rows and columns."""
        return PlainCode("nn.Flatten(2)")
