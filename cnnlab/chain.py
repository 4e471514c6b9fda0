"""A chain of named layers that is itself a layer: nets and composite layers are made of it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from torch import Tensor

from cnnlab.layer import Context, Layer, Shape


class Chain(Layer):
    """Apply layers one after the other; an empty chain is the identity.

    A parameter or buffer is named after its layer: the layer's name, a dot, its own name.
    """

    def __init__(self, layers: Mapping[str, Layer]) -> None:
        self.layers = dict(layers)
        self.parameters = tuple(
            replace(own, name=f"{name}.{own.name}")
            for name, layer in self.layers.items()
            for own in layer.parameters
        )
        self.buffers = tuple(
            replace(own, name=f"{name}.{own.name}")
            for name, layer in self.layers.items()
            for own in layer.buffers
        )
        self.layer_count = sum(layer.layer_count for layer in self.layers.values())
        self.random = tuple(path for layer in self.layers.values() for path in layer.random)

    def shapes(self, shape: Shape) -> list[Shape]:
        """Return the input shape of each layer, then the output shape of the last."""
        found = [shape]
        for layer in self.layers.values():
            found.append(layer.output(found[-1]))
        return found

    def output(self, shape: Shape) -> Shape:
        """Return the output shape of the last layer."""
        return self.shapes(shape)[-1]

    def multiply_adds(self, shape: Shape) -> int:
        """Return the sum over the layers."""
        return sum(layer.multiply_adds(s) for layer, s in self._each(shape))

    def connections(self, shape: Shape) -> int:
        """Return the sum over the layers."""
        return sum(layer.connections(s) for layer, s in self._each(shape))

    def activations(self, shape: Shape) -> int:
        """Return the sum over the layers."""
        return sum(layer.activations(s) for layer, s in self._each(shape))

    def _each(self, shape: Shape) -> list[tuple[Layer, Shape]]:
        return list(zip(self.layers.values(), self.shapes(shape)[:-1], strict=True))

    def forward(self, x: Tensor, p: Sequence[Tensor], b: Sequence[Tensor], context: Context) -> Tensor:
        """Return the last layer's output; p and b hold those of all layers, in order."""
        index, weights, kept = context.layer, 0, 0
        for layer in self.layers.values():
            context.layer = index
            own = p[weights : weights + len(layer.parameters)]
            moved = b[kept : kept + len(layer.buffers)]
            x = layer.forward(x, own, moved, context)
            index += layer.layer_count
            weights, kept = weights + len(own), kept + len(moved)
        return x
