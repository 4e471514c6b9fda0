"""The stages of residual networks: what the nets for small and for large images have in common."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from cnnlab.layer import Layer
from cnnlab.layers.batch_norm import BatchNorm
from cnnlab.layers.conv2d import Conv2d
from cnnlab.layers.pad_maps import PadMaps
from cnnlab.layers.residual import Residual

Layers = dict[str, Layer]


@dataclass(frozen=True)
class Stages:
    """Make chains of residual blocks, or of the same layers without shortcuts.

    Convolutions have no bias, first weights N(0, 2/fan-in) and batch normalization with these `statistics`.
    Where a block changes the shape, the shortcut adds maps of zeros (A) or is a convolution (B); `before` is
    the fraction of the zero maps that go before the others.
    Source: K. He et al., "Deep residual learning for image recognition" (2015), section 3.
    """

    act: Layer
    statistics: Literal["ema", "population"]
    residual: bool = True
    shortcut: Literal["A", "B"] = "A"
    before: float = 0.0

    def convolution(
        self,
        number: str,
        inputs: int,
        maps: int,
        kernel: int,
        stride: int = 1,
        frame: tuple[int, int] = (0, 0),
    ) -> Layers:
        """Return a convolution and its normalization; `frame` is padding beyond that which keeps the size."""
        height, width = (kernel // 2 + more for more in frame)
        return {
            f"conv{number}": Conv2d(
                inputs, maps, kernel, (height, width), False, stride, initializer="he-normal"
            ),
            f"norm{number}": BatchNorm(maps, self.statistics),
        }

    def basic(self, maps: int, inputs: int, stride: int) -> Layers:
        """Return the body of a block of two 3×3 convolutions."""
        first = self.convolution("1", inputs, maps, 3, stride)
        return first | {"act1": self.act} | self.convolution("2", maps, maps, 3)

    def stage(
        self,
        name: str,
        blocks: int,
        inputs: int,
        maps: int,
        stride: int,
        body: Callable[[int, int], Layers],
    ) -> Layers:
        """Return blocks with `maps` output maps; body makes one from its input maps and its stride."""
        chain: Layers = {}
        for block in range(1, blocks + 1):
            own = f"{name}.block{block}"
            if self.residual:
                chain[own] = Residual(body(inputs, stride), self._shortcut(inputs, maps, stride))
            else:
                chain |= {f"{own}.{layer}": value for layer, value in body(inputs, stride).items()}
            chain[f"{own}.act"] = self.act
            inputs, stride = maps, 1
        return chain

    def _shortcut(self, inputs: int, maps: int, stride: int) -> Layers:
        if inputs == maps:
            return {}
        if self.shortcut == "B":
            return self.convolution("", inputs, maps, 1, stride)
        before = int((maps - inputs) * self.before)
        return {"pad": PadMaps(before, maps - inputs - before, stride)}
