"""What every pooling layer is: one number for each window of a map, or of a series."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

from torch import Tensor

from cnnlab.errors import ConfigError
from cnnlab.layer import Context, Layer, Shape, over_maps
from cnnlab.temporal import over_series, windows


class Pool2d(Layer):
    """A pooling of k×k windows: a file in layers/ says what each window becomes.

    Without a stride s the windows touch. A remainder at the edge is left out, or with `ceil` is a window of
    its own, cut at the edge.
    """

    def __init__(self, kernel: int, stride: int | None = None, padding: int = 0, ceil: bool = False) -> None:
        self.kernel, self.stride, self.padding, self.ceil = kernel, stride or kernel, padding, ceil

    @classmethod
    def example(cls) -> tuple[Layer, Shape]:
        """Return a small one."""
        return cls(2), (2, 6, 5)

    def output(self, shape: Shape) -> Shape:
        """Return (C, H′, W′); ConfigError if no window fits."""
        return pooled(shape, self.kernel, self.stride, self.padding, self.ceil)

    def windows(self) -> tuple[int, ...]:
        """Return kernel and stride as torch's modules take them, a stride only if windows do not touch."""
        return (self.kernel,) if self.stride == self.kernel else (self.kernel, self.stride)

    def edges(self) -> dict[str, Any]:
        """Return padding and rounding as torch's modules take them, where they are not the usual ones."""
        padding = {"padding": self.padding} if self.padding else {}
        return padding | ({"ceil_mode": True} if self.ceil else {})

    @abstractmethod
    def pool(self, maps: Tensor) -> Tensor:
        """Return (M, C, H′, W′) from maps (M, C, H, W)."""

    def forward(self, x: Tensor, p: Sequence[Tensor], b: Sequence[Tensor], context: Context) -> Tensor:
        """Return (N, K, C, H′, W′); a shared batch stays shared."""
        return over_maps(self.pool, x)


class Pool1d(Layer):
    """A pooling of k steps of a series: a file in layers/ says what they become.

    Without a stride the windows touch. A remainder at the end is left out.
    """

    def __init__(self, kernel: int, stride: int | None = None) -> None:
        self.kernel, self.stride = kernel, stride or kernel

    @classmethod
    def example(cls) -> tuple[Layer, Shape]:
        """Return a small one."""
        return cls(2), (2, 7)

    def output(self, shape: Shape) -> Shape:
        """Return (C, T′); ConfigError if no window fits."""
        return windows(shape, self.kernel, self.stride)

    def windows(self) -> tuple[int, ...]:
        """Return kernel and stride as torch's modules take them, a stride only if windows do not touch."""
        return (self.kernel,) if self.stride == self.kernel else (self.kernel, self.stride)

    @abstractmethod
    def pool(self, maps: Tensor) -> Tensor:
        """Return (M, C, 1, T′) from maps one pixel high, (M, C, 1, T)."""

    def forward(self, x: Tensor, p: Sequence[Tensor], b: Sequence[Tensor], context: Context) -> Tensor:
        """Return (N, K, C, T′); a shared batch stays shared."""
        return over_series(self.pool, x)


def pooled(
    shape: Shape, kernel: int, stride: int | None = None, padding: int = 0, ceil: bool = False
) -> Shape:
    """Return (C, H′, W′) of k×k windows; ConfigError if no window fits.

    H′ = (H + 2·padding − k)/stride + 1, rounded down, or with `ceil` up unless the last window would begin
    past the image and the padding before it. Without a stride the windows touch.
    """
    maps, height, width = shape
    step = stride or kernel
    if min(height, width) + 2 * padding < kernel:
        raise ConfigError("model", f"a {kernel}×{kernel} window does not fit maps of {height}×{width}")

    def count(size: int) -> int:
        room = size + 2 * padding - kernel
        whole, rest = divmod(room, step)
        partial = ceil and rest > 0 and (whole + 1) * step < size + padding
        return whole + 1 + partial

    return maps, count(height), count(width)
