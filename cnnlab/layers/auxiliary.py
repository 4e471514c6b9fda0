"""Auxiliary classifier: a second loss for the scores of a middle layer."""

from collections.abc import Mapping, Sequence

from torch import Tensor

from cnnlab.chain import Chain
from cnnlab.layer import Context, Layer, Mode, Shape
from cnnlab.plain_code import PlainCode, TrainedLayer
from cnnlab.registry import register


@register
class Auxiliary(Layer):
    """Pass the input on unchanged, and while training compute scores from it.

    y = x; in training (weight, head(x)) goes to the context: the loss is the net's own plus weight · the
    head's, whose gradient flows into the layers before it. The weight is the hyperparameter at `path`, one
    per row. Predictions leave the head out, so its multiply-adds and links do not count; its parameters do,
    and so do its activations, which training keeps.
    Source: C. Szegedy et al., "Going deeper with convolutions" (2014), section 5.
    """

    def __init__(self, head: Mapping[str, Layer], path: str) -> None:
        self.head, self.path = Chain(head), path
        self.parameters, self.buffers = self.head.parameters, self.head.buffers
        self.compiled = self.head.compiled
        self.layer_count, self.random = self.head.layer_count, self.head.random

    @classmethod
    def example(cls) -> tuple[Layer, Shape]:
        """Return a small one."""
        return cls({}, "weight"), (4,)

    def output(self, shape: Shape) -> Shape:
        """Return the same shape; ConfigError if the head does not fit it."""
        self.head.output(shape)
        return shape

    def activations(self, shape: Shape) -> int:
        """Return the head's."""
        return self.head.activations(shape)

    def forward(self, x: Tensor, p: Sequence[Tensor], b: Sequence[Tensor], context: Context) -> Tensor:
        """Return x itself."""
        if context.mode is Mode.TRAIN:
            context.auxiliary.append((context.hypers[self.path], self.head.forward(x, p, b, context)))
        return x

    def to_torch(self, trained: TrainedLayer) -> PlainCode:
        """Return the identity: predictions leave the head out, and so do its weights."""
        return PlainCode("nn.Identity()")
