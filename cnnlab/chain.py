"""A chain of named layers that is itself a layer: nets and composite layers are made of it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from torch import Tensor

from cnnlab.errors import CnnlabError, ConfigError
from cnnlab.joined import joined
from cnnlab.layer import Buffer, Context, Layer, Parameter, Shape
from cnnlab.plain_code import PlainCode, TrainedLayer, sequence
from cnnlab.plugin_failure import where


class Chain(Layer):
    """Apply layers one after the other; an empty chain is the identity.

    A parameter or buffer is named after its layer: the layer's name, a dot, its own name; of a layer without
    a name, its own. Layers for which there is one operation run as one; all else, names and counts, is
    that of the layers themselves.
    """

    def __init__(self, layers: Mapping[str, Layer]) -> None:
        self.layers = _checked(layers)
        self.parameters = tuple(
            replace(own, name=f"{name}.{own.name}" if name else own.name)
            for name, layer in self.layers.items()
            for own in layer.parameters
        )
        self.buffers = tuple(
            replace(own, name=f"{name}.{own.name}" if name else own.name)
            for name, layer in self.layers.items()
            for own in layer.buffers
        )
        self._joined = joined(self.layers)
        self.compiled = any(layer.compiled for layer in self._joined)
        self.layer_count = sum(layer.layer_count for layer in self.layers.values())
        self.whole_batches = any(layer.whole_batches for layer in self.layers.values())
        self.tried = any(layer.tried for layer in self.layers.values())
        self.by_vmap = any(layer.by_vmap for layer in self.layers.values())
        self.alone = next((layer.alone for layer in self.layers.values() if layer.alone), "")
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

    def check(self, numbers: Mapping[str, float]) -> None:
        """Ask each layer."""
        for layer in self.layers.values():
            layer.check(numbers)

    def _each(self, shape: Shape) -> list[tuple[Layer, Shape]]:
        return list(zip(self.layers.values(), self.shapes(shape)[:-1], strict=True))

    def forward(self, x: Tensor, p: Sequence[Tensor], b: Sequence[Tensor], context: Context) -> Tensor:
        """Return the last layer's output; p and b hold those of all layers, in order."""
        index, weights, kept = context.layer, 0, 0
        for layer in self._joined:
            context.layer = index
            own = p[weights : weights + len(layer.parameters)]
            moved = b[kept : kept + len(layer.buffers)]
            x = layer.forward(x, own, moved, context)
            index += layer.layer_count
            weights, kept = weights + len(own), kept + len(moved)
        return x

    def to_torch(self, trained: TrainedLayer) -> PlainCode:
        """Return the layers one after the other."""
        return sequence(self.plain_parts(trained))

    def plain_parts(self, trained: TrainedLayer, prefix: str = "") -> dict[str, PlainCode]:
        """Return each layer as plain torch by its name, without the prefix that all of them begin with.

        CnnlabError, with the layer's name, where one has no plain form.
        """
        parts = {}
        for (name, layer), shape in zip(self.layers.items(), self.shapes(trained.shape), strict=False):
            names = [own.name for own in layer.parameters] + [own.name for own in layer.buffers]
            weights = {own: trained.weights[f"{name}.{own}"] for own in names}
            try:
                code = layer.to_torch(TrainedLayer(shape, weights, trained.hypers))
            except CnnlabError as error:
                raise CnnlabError(f"the layer {name} has no plain form: {error}") from error
            parts[name.removeprefix(prefix)] = code
        return parts


def _checked(layers: Mapping[str, Layer]) -> dict[str, Layer]:
    """Return the layers; ConfigError where a plug-in gives something else, which would fail later."""
    if not isinstance(layers, Mapping):
        raise ConfigError("model", f"layers must be a dict of layers by name, got {layers!r}")
    for name, layer in layers.items():
        if not isinstance(layer, Layer):
            raise ConfigError("model", f"layer {name!r} must be a Layer such as Flatten(), got {layer!r}")
        for field, kind in (("parameters", Parameter), ("buffers", Buffer)):
            value = getattr(layer, field)
            if not isinstance(value, tuple) or not all(isinstance(each, kind) for each in value):
                raise ConfigError(
                    "model",
                    f"{field} of {where(value, type(layer))} must be an attribute, a tuple of "
                    f"{kind.__name__}; got {type(value).__name__}",
                )
    return dict(layers)
