"""Convolution: the same small filters everywhere in an image."""

from collections.abc import Sequence
from itertools import groupby

import torch
from torch import Tensor
from torch.nn.functional import conv2d

from cnnlab import registry
from cnnlab.errors import ConfigError
from cnnlab.layer import Context, Layer, Parameter, Role, Shape, shared
from cnnlab.registry import register


@register
class Conv2d(Layer):
    """Correlate the input maps with a filter each, for each output map.

    y[o] = b[o] + Σ_{i ∈ table[o]} x[i] ⋆ w[o, i], ⋆ being cross-correlation over H and W in steps of
    `stride`, with `padding` (rows, columns) of zeros on each side; H′ = ⌊(H + 2p − k)/stride⌋ + 1.
    `table` names the input maps that each output map sees, in rising order; without one it sees all. Only
    links have parameters: neighbouring output maps that see equally many maps share a parameter (outputs,
    maps seen, k, k), so groups have torch's layout; where numbers differ they are weight1, weight2, ….
    `flip` turns each filter by 180°, which is convolution proper, as in the notes: the same functions.
    Biases start as is usual beside weights of the initializer, or by a rule of their own.
    In the notes: M_j, which is `table`, is called the receptive field of the last layer; it is the set of
    input maps that map j sees, and only where it has all of them does a filter "extend through the full
    depth". The formula is convolution proper and is said to be the same as correlation: the functions are
    the same, the filters differ by half a turn, which is `flip`.
    Source: Y. LeCun et al., "Gradient-based learning applied to document recognition" (1998).
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        padding: tuple[int, int] = (0, 0),
        bias: bool = True,
        stride: int = 1,
        *,
        table: Sequence[Sequence[int]] | None = None,
        flip: bool = False,
        initializer: str = "fan-in-uniform",
        bias_initializer: str | None = None,
    ) -> None:
        self.inputs, self.outputs, self.kernel, self.padding = inputs, outputs, kernel, padding
        self.stride, self.flip, self.bias = stride, flip, bias
        seen = [list(range(inputs))] * outputs if table is None else [list(maps) for maps in table]
        if len(seen) != outputs or any(not maps or set(maps) - set(range(inputs)) for maps in seen):
            raise ConfigError(
                "model", f"a connection table must name maps under {inputs} for each of {outputs}, got {seen}"
            )
        self.links = sum(map(len, seen))
        self._places = None
        if self.links < inputs * outputs:
            self._places = torch.tensor([o * inputs + i for o, maps in enumerate(seen) for i in maps])
        runs = [(count, len(list(run))) for count, run in groupby(map(len, seen))]  # (maps seen, outputs)
        names = [""] if len(runs) == 1 else [str(n) for n in range(1, len(runs) + 1)]
        rules: dict[Role, str] = {"weight": initializer}
        if bias:
            rules["bias"] = bias_initializer or registry.get("initializers", initializer).biases
        self.parameters = tuple(
            Parameter(f"{role}{name}", (units, *more), role, count * kernel**2, rule)
            for role, rule in rules.items()
            for name, (count, units) in zip(names, runs, strict=True)
            for more in ([(count, kernel, kernel)] if role == "weight" else [()])
        )

    @classmethod
    def example(cls) -> tuple[Layer, Shape]:
        """Return a small one."""
        return cls(2, 3, 3, (1, 0)), (2, 6, 5)

    def output(self, shape: Shape) -> Shape:
        """Return (outputs, H′, W′); ConfigError if the filter is larger than the padded image."""
        _, height, width = shape
        room = tuple(s + 2 * p - self.kernel for s, p in zip((height, width), self.padding, strict=True))
        if min(room) < 0:
            raise ConfigError(
                "model", f"a {self.kernel}×{self.kernel} filter does not fit maps of {height}×{width}"
            )
        return self.outputs, room[0] // self.stride + 1, room[1] // self.stride + 1

    def multiply_adds(self, shape: Shape) -> int:
        """Return H′ × W′ × links between maps × kernel²."""
        _, height, width = self.output(shape)
        return height * width * self.links * self.kernel**2

    def connections(self, shape: Shape) -> int:
        """Return the multiply-adds and, where there is a bias, one for each output."""
        outputs, height, width = self.output(shape)
        return self.multiply_adds(shape) + (outputs * height * width if self.bias else 0)

    def forward(self, x: Tensor, p: Sequence[Tensor], b: Sequence[Tensor], context: Context) -> Tensor:
        """Return (N, K, outputs, H′, W′): one wide convolution of a shared batch, else a group per row."""
        runs = len(p) // 2 if self.bias else len(p)
        weight, bias = self._dense(p[:runs]), p[runs:]
        rows = len(weight)
        once = shared(x)
        # Channels innermost is the layout in which many narrow groups are fast on a CPU. A clone, because
        # contiguous() keeps odd strides where there is one channel, and the convolution then looks at those.
        nhwc = weight.permute(0, 1, 3, 4, 2).clone(memory_format=torch.contiguous_format)
        wide = nhwc.flatten(0, 1).permute(0, 3, 1, 2)  # (K·outputs, inputs, kernel, kernel)
        y = conv2d(
            x[:, 0] if once else x.flatten(1, 2),
            wide,
            torch.cat(tuple(bias), 1).flatten() if bias else None,
            stride=self.stride,
            padding=self.padding,
            groups=1 if once else rows,
        )
        return y.view(-1, rows, self.outputs, *y.shape[2:])

    def _dense(self, parts: Sequence[Tensor]) -> Tensor:
        """Return the filters (K, outputs, inputs, k, k), 0 where there is no link."""
        weight = parts[0]
        if self._places is not None:
            rows, side = len(weight), self.kernel
            linked = torch.cat([part.flatten(1, 2) for part in parts], 1)  # (K, links, k, k)
            empty = weight.new_zeros(rows, self.outputs * self.inputs, side, side)
            weight = empty.index_copy(1, self._places.to(weight.device), linked)
            weight = weight.view(rows, self.outputs, self.inputs, side, side)
        return weight.flip(3, 4) if self.flip else weight
