"""Branches: several chains of layers for one input, their output maps side by side."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from cnnlab.chain import Chain
from cnnlab.errors import ConfigError
from cnnlab.layer import Context, Layer, Shape
from cnnlab.plain_code import (
    PlainCode,
    TrainedLayer,
    identifiers,
    joined_classes,
    joined_states,
    module,
    sequence,
)
from cnnlab.plain_modules import SideBySide
from cnnlab.registry import register


@register
class Branches(Layer):
    """Apply each chain to the input and concatenate the output maps.

    y = [branch₁(x), branch₂(x), …] along the maps; outputs of unequal height or width: ConfigError. A
    parameter's name begins with the branch's. With branches of 1×1, 3×3 and 5×5 convolutions and a pooling
    this is the inception block.
    Source: C. Szegedy et al., "Going deeper with convolutions" (2014), figure 2.
    """

    def __init__(self, branches: Mapping[str, Mapping[str, Layer]]) -> None:
        self.names = tuple(branches)
        self.branches = [
            Chain({f"{branch}.{name}": layer for name, layer in layers.items()})
            for branch, layers in branches.items()
        ]
        self.parameters = tuple(own for branch in self.branches for own in branch.parameters)
        self.buffers = tuple(own for branch in self.branches for own in branch.buffers)
        self.compiled = any(branch.compiled for branch in self.branches)
        self.layer_count = sum(branch.layer_count for branch in self.branches)
        self.random = tuple(path for branch in self.branches for path in branch.random)

    @classmethod
    def example(cls) -> tuple[Layer, Shape]:
        """Return a small one."""
        return cls({"a": {}, "b": {}}), (2, 5, 4)

    def output(self, shape: Shape) -> Shape:
        """Return (sum of maps, H, W); ConfigError unless all branches have one H×W."""
        outputs = [branch.output(shape) for branch in self.branches]
        sides = {output[1:] for output in outputs}
        if len(sides) != 1:
            raise ConfigError("model", f"branches of one block must have maps of one size, got {outputs}")
        return (sum(output[0] for output in outputs), *outputs[0][1:])

    def multiply_adds(self, shape: Shape) -> int:
        """Return the sum over the branches."""
        return sum(branch.multiply_adds(shape) for branch in self.branches)

    def connections(self, shape: Shape) -> int:
        """Return the sum over the branches."""
        return sum(branch.connections(shape) for branch in self.branches)

    def activations(self, shape: Shape) -> int:
        """Return those of the branches and of the concatenated maps."""
        return super().activations(shape) + sum(branch.activations(shape) for branch in self.branches)

    def forward(self, x: Tensor, p: Sequence[Tensor], b: Sequence[Tensor], context: Context) -> Tensor:
        """Return (N, K, sum of maps, H, W)."""
        index, weights, kept = context.layer, 0, 0
        outputs = []
        for branch in self.branches:
            context.layer = index
            own = p[weights : weights + len(branch.parameters)]
            moved = b[kept : kept + len(branch.buffers)]
            outputs.append(branch.forward(x, own, moved, context))
            index += branch.layer_count
            weights, kept = weights + len(own), kept + len(moved)
        return torch.cat(outputs, 2)

    def to_torch(self, trained: TrainedLayer) -> PlainCode:
        """Return the branches as modules of one that concatenates."""
        parts = {
            name: sequence(branch.plain_parts(trained, f"{name}."))
            for name, branch in zip(self.names, self.branches, strict=True)
        }
        names = identifiers([f"branch_{name}" if not name[:1].isalpha() else name for name in parts])
        own = dict(zip(names.values(), parts.values(), strict=True))
        return PlainCode(
            module(SideBySide, **{name: code.expression for name, code in own.items()}),
            joined_states({f"branches.{name}": code for name, code in own.items()}),
            (SideBySide, *joined_classes(own.values())),
        )
