"""Residual block: layers learn what to add to their input."""

from collections.abc import Mapping, Sequence
from copy import copy

from torch import Tensor

from cnnlab.chain import Chain
from cnnlab.errors import ConfigError
from cnnlab.layer import Context, Layer, Shape
from cnnlab.layers.batch_norm import BatchNorm
from cnnlab.plain_code import PlainCode, TrainedLayer, joined_classes, joined_states, module, sequence
from cnnlab.plain_modules import ShortcutSum
from cnnlab.registry import register


@register
class Residual(Layer):
    """Add the output of a chain of layers to its input, or to the output of a second chain.

    y = body(x) + shortcut(x); a shortcut without layers is the identity. The body's parameters keep
    their names, the shortcut's begin with "shortcut.". ConfigError if the two shapes differ.
    Source: K. He et al., "Deep residual learning for image recognition" (2015), equations 1 and 2.
    """

    def __init__(self, body: Mapping[str, Layer], shortcut: Mapping[str, Layer] | None = None) -> None:
        self.body = Chain(body)
        self.shortcut = Chain({f"shortcut.{name}": layer for name, layer in (shortcut or {}).items()})
        self.parameters = self.body.parameters + self.shortcut.parameters
        self.buffers = self.body.buffers + self.shortcut.buffers
        self.compiled = self.body.compiled or self.shortcut.compiled
        self.layer_count = self.body.layer_count + self.shortcut.layer_count
        self.random = self.body.random + self.shortcut.random
        last = [*body.values()][-1:]
        self._norm = last[0] if last and type(last[0]) is BatchNorm else None
        self._before_norm = Chain(dict([*body.items()][:-1]))

    @classmethod
    def example(cls) -> tuple[Layer, Shape]:
        """Return a small one."""
        return cls({}), (2, 5, 4)

    def output(self, shape: Shape) -> Shape:
        """Return the shape of body and shortcut; ConfigError if they differ."""
        body, shortcut = self.body.output(shape), self.shortcut.output(shape)
        if body != shortcut:
            raise ConfigError(
                "model", f"a block of output {body} cannot be added to a shortcut of {shortcut}"
            )
        return body

    def multiply_adds(self, shape: Shape) -> int:
        """Return the body's and the shortcut's."""
        return self.body.multiply_adds(shape) + self.shortcut.multiply_adds(shape)

    def connections(self, shape: Shape) -> int:
        """Return the body's and the shortcut's."""
        return self.body.connections(shape) + self.shortcut.connections(shape)

    def activations(self, shape: Shape) -> int:
        """Return the body's, the shortcut's and the sum's."""
        return super().activations(shape) + self.body.activations(shape) + self.shortcut.activations(shape)

    def with_relu(self) -> Layer | None:
        """Return both as one, where the body ends with batch normalization; None for a derived class."""
        norm = self._norm.with_relu() if type(self) is Residual and self._norm else None
        if norm is None:
            return None
        both = copy(self)
        both._norm, both.layer_count = norm, self.layer_count + 1
        return both

    def forward(self, x: Tensor, p: Sequence[Tensor], b: Sequence[Tensor], context: Context) -> Tensor:
        """Return y."""
        index = context.layer
        weights, kept = len(self.body.parameters), len(self.body.buffers)
        context.layer = index + self.body.layer_count
        added = self.shortcut.forward(x, p[weights:], b[kept:], context)
        context.layer = index
        if self._norm is None:
            return self.body.forward(x, p[:weights], b[:kept], context) + added
        y = self._before_norm.forward(x, p, b, context)
        first, moved = len(self._before_norm.parameters), len(self._before_norm.buffers)
        return self._norm.then(y, p[first:weights], b[moved:kept], context, added)

    def to_torch(self, trained: TrainedLayer) -> PlainCode:
        """Return body and shortcut as modules of one that adds."""
        parts = {
            "body": sequence(self.body.plain_parts(trained)),
            "shortcut": sequence(self.shortcut.plain_parts(trained, "shortcut.")),
        }
        return PlainCode(
            module(ShortcutSum, **{name: code.expression for name, code in parts.items()}),
            joined_states(parts),
            (ShortcutSum, *joined_classes(parts.values())),
        )
