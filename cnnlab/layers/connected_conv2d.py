"""Convolution by a connection table: each output map sees some of the input maps."""

from collections.abc import Sequence
from itertools import groupby

import torch
from torch import Tensor

from cnnlab import registry
from cnnlab.convolution import convolution_options, convolved
from cnnlab.errors import ConfigError
from cnnlab.layer import Context, Layer, Parameter, Shape
from cnnlab.plain_code import PlainCode, TrainedLayer, call, listing, module
from cnnlab.plain_modules import TableConv2d
from cnnlab.registry import register


@register
class ConnectedConv2d(Layer):
    """Correlate the input maps that the table names with a filter each, for each output map.

    y[o] = b[o] + Σ_{i ∈ table[o]} x[i] ⋆ w[o, i], ⋆ being cross-correlation, as in `conv2d`; `table` lists
    the input maps of each output map, in rising order. Only links have parameters. Neighbouring output maps
    with equally many links share a parameter (outputs, links, k, k), so groups have torch's layout; where the
    numbers differ, the parameters are weight1, weight2, … and bias1, bias2, ….
    Biases start as is usual with the initializer of the weights, or by `bias_initializer`.
    In the notes: M_j, an entry of `table`, is called the receptive field of the last layer; it is the set of
    input maps of output map j, and only if it has all of them does a filter "extend through the full depth".
    Source: Y. LeCun et al., "Gradient-based learning applied to document recognition" (1998), table I; in two
    groups A. Krizhevsky et al., "ImageNet classification with deep convolutional neural networks" (2012).
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
        table: Sequence[Sequence[int]],
        initializer: str = "fan-in-uniform",
        bias_initializer: str | None = None,
    ) -> None:
        self.inputs, self.outputs, self.kernel, self.padding = inputs, outputs, kernel, padding
        self.stride, self.bias = stride, bias
        if len(table) != outputs or any(not maps or set(maps) - set(range(inputs)) for maps in table):
            raise ConfigError(
                "model",
                f"a connection table must name maps under {inputs} for each of {outputs}, "
                f"got {[list(maps) for maps in table]}",
            )
        self.table = [list(maps) for maps in table]
        self.links = sum(map(len, table))
        # Where the filter of each link stands among those of all pairs of maps.
        self._link_index = torch.tensor([o * inputs + i for o, maps in enumerate(table) for i in maps])
        biases = bias_initializer or registry.get("initializers", initializer).biases
        weights, shifts = [], []
        for suffix, links, units in _links_and_units(table):
            fan_in = links * kernel**2
            weights.append(
                Parameter(f"weight{suffix}", (units, links, kernel, kernel), "weight", fan_in, initializer)
            )
            shifts.append(Parameter(f"bias{suffix}", (units,), "bias", fan_in, biases))
        self._parts = len(weights)
        self.parameters = (*weights, *(shifts if bias else []))

    @classmethod
    def example(cls) -> tuple[Layer, Shape]:
        """Return a small one."""
        return cls(3, 4, 3, (1, 0), table=[[0, 1], [1, 2], [0, 1, 2], [2]]), (3, 6, 5)

    def output(self, shape: Shape) -> Shape:
        """Return (outputs, H′, W′); ConfigError if the filter is larger than the padded image."""
        return convolved(shape, self.outputs, self.kernel, self.padding, self.stride)

    def multiply_adds(self, shape: Shape) -> int:
        """Return H′ × W′ × links between maps × kernel²."""
        _, height, width = self.output(shape)
        return height * width * self.links * self.kernel**2

    def connections(self, shape: Shape) -> int:
        """Return the multiply-adds and, where there is a bias, one for each output."""
        outputs, height, width = self.output(shape)
        return self.multiply_adds(shape) + (outputs * height * width if self.bias else 0)

    def forward(self, x: Tensor, p: Sequence[Tensor], b: Sequence[Tensor], context: Context) -> Tensor:
        """Return (N, K, outputs, H′, W′)."""
        return context.ways.convolve(x, *self.filters(p, context), self.padding, self.stride)

    def filters(self, p: Sequence[Tensor], context: Context) -> tuple[Tensor, Tensor | None]:
        """Return the filters (K, outputs, inputs, k, k), 0 where there is no link; biases (K, outputs)."""
        linked = torch.cat([part.flatten(1, 2) for part in p[: self._parts]], 1)  # (K, links, k, k)
        rows, side = len(linked), self.kernel
        empty = linked.new_zeros(rows, self.outputs * self.inputs, side, side)
        place = linked.device
        links = context.keep((self, "links"), lambda _: self._link_index.to(place))
        weight = empty.index_copy(1, links, linked)
        bias = torch.cat(tuple(p[self._parts :]), 1) if self.bias else None
        return weight.view(rows, self.outputs, self.inputs, side, side), bias

    def to_torch(self, trained: TrainedLayer) -> PlainCode:
        """Return nn.Conv2d where the table is of groups, else one whose filters are 0 without a link."""
        options = convolution_options(self.stride, self.padding, self.bias)
        groups, rest = divmod(self.inputs, len(self.table[0]))
        own = [range(i * self.inputs // groups, (i + 1) * self.inputs // groups) for i in range(groups)]
        if not rest and self.table == [list(own[o * groups // self.outputs]) for o in range(self.outputs)]:
            return PlainCode(
                call("nn.Conv2d", self.inputs, self.outputs, self.kernel, groups=groups, **options),
                trained.weights,
            )
        linked, biases = (
            [part for name, part in trained.weights.items() if name.startswith(kind)]
            for kind in ("weight", "bias")
        )
        side = self.kernel
        weight = linked[0].new_zeros(self.outputs * self.inputs, side, side)
        weight[self._link_index] = torch.cat([part.flatten(0, 1) for part in linked])
        state = {"weight": weight.view(self.outputs, self.inputs, side, side)}
        return PlainCode(
            module(TableConv2d, self.inputs, side, table=listing(map(str, self.table)), **options),
            state | ({"bias": torch.cat(biases)} if self.bias else {}),
            (TableConv2d,),
        )


def _links_and_units(table: Sequence[Sequence[int]]) -> list[tuple[str, int, int]]:
    """Return suffix, links and number of each run of output maps with equally many links."""
    runs = [(links, len(list(run))) for links, run in groupby(map(len, table))]
    if len(runs) == 1:
        return [("", *runs[0])]
    return [(str(number), links, units) for number, (links, units) in enumerate(runs, 1)]
