"""Linear: every output depends on every input."""

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd import Function

from cnnlab import registry
from cnnlab.layer import Context, Layer, Parameter, Shape
from cnnlab.plain_code import PlainCode, TrainedLayer, call
from cnnlab.precision import factors
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
        """Return (N, K, outputs), a product of each row.

        On one thread of a CPU, where torch multiplies by MKL, it has the same bits in any array:
        cnnlab/__init__.py sets what that needs, a batch that rows share is multiplied once for each, which
        takes no longer than one wide product, and gradients are laid out row after row.
        """
        weight, *bias = p
        own = x.expand(-1, len(weight), -1).transpose(0, 1)
        y = _RowByRow.apply(*factors(own, weight, bias[0] if bias else None))  # type: ignore[no-untyped-call]
        return cast(Tensor, y).transpose(0, 1)

    def to_torch(self, trained: TrainedLayer) -> PlainCode:
        """Return nn.Linear."""
        bias = {} if "bias" in trained.weights else {"bias": False}
        return PlainCode(call("nn.Linear", self.inputs, self.outputs, **bias), trained.weights)


class _RowByRow(Function):
    """Products x Wᵀ + b of (K, N, inputs); the gradient is laid out row after row.

    How torch multiplies and sums a gradient whose rows lie between one another depends on K.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        return _products(x, weight.transpose(1, 2), None if bias is None else bias[:, None])

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        (x, weight), needs = ctx.saved_tensors, ctx.needs_input_grad
        slope = slope.contiguous()
        across = slope.transpose(1, 2)
        return (
            _products(slope, weight) if needs[0] else None,
            across.bmm(x) if needs[1] else None,
            slope.sum(1) if needs[2] else None,
        )


def _products(a: Tensor, b: Tensor, added: Tensor | None = None) -> Tensor:
    """Return a·b + added, (K, N, columns), of a (K, N, n) and b (K, n, columns)."""
    if len(a) == 1 and b.shape[2] == 1:
        # MKL multiplies a single matrix by a single column in another way than many, so here it is two.
        return _products(a.expand(2, -1, -1), b.expand(2, -1, -1), added)[:1]
    return a.bmm(b) if added is None else torch.baddbmm(added, a, b)
