"""Linear: every output depends on every input."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import linear

from cnnlab import registry
from cnnlab.layer import Context, Layer, Parameter, Shape, shared, shared_batch
from cnnlab.registry import register


@register
class Linear(Layer):
    """Multiply by a matrix and add a bias.

    y = W x + b; biases start as is usual with the initializer of the weights, or by `bias_initializer`.
    Source: F. Rosenblatt, "The perceptron" (1958), for the layer of weighted sums.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        bias: bool = True,
        *,
        initializer: str = "fan-in-uniform",
        bias_initializer: str | None = None,
    ) -> None:
        self.inputs, self.outputs = inputs, outputs
        biases = bias_initializer or registry.get("initializers", initializer).biases
        self.parameters = (
            Parameter("weight", (outputs, inputs), "weight", inputs, initializer),
            *([Parameter("bias", (outputs,), "bias", inputs, biases)] if bias else []),
        )

    @classmethod
    def example(cls) -> tuple[Layer, Shape]:
        """Return a small one."""
        return cls(6, 4), (6,)

    def output(self, shape: Shape) -> Shape:
        """Return (outputs,)."""
        return (self.outputs,)

    def multiply_adds(self, shape: Shape) -> int:
        """Return inputs × outputs."""
        return self.inputs * self.outputs

    def connections(self, shape: Shape) -> int:
        """Return (inputs + 1) × outputs, or inputs × outputs without a bias."""
        return (self.inputs + len(self.parameters) - 1) * self.outputs

    def forward(self, x: Tensor, p: Sequence[Tensor], b: Sequence[Tensor], context: Context) -> Tensor:
        """Return (N, K, outputs): one wide product for a shared batch, else a batched product."""
        weight, *bias = p
        if shared(x):
            y = linear(shared_batch(x), weight.flatten(0, 1), bias[0].flatten() if bias else None)
            return y.view(-1, *weight.shape[:2])
        inputs, matrix = x.transpose(0, 1), weight.transpose(1, 2)  # (K, N, inputs), (K, inputs, outputs)
        y = torch.baddbmm(bias[0][:, None], inputs, matrix) if bias else inputs.bmm(matrix)
        return y.transpose(0, 1)
