"""Batch normalization: every feature keeps mean 0 and variance 1 while the layers before it change."""

from collections.abc import Sequence
from math import prod

from torch import Tensor
from torch.nn.functional import batch_norm

from cnnlab.errors import CnnlabError
from cnnlab.layer import Buffer, Context, Layer, Parameter
from cnnlab.registry import register

MOMENTUM, EPS = 0.1, 1e-5  # torch's


@register
class BatchNorm(Layer):
    """Normalize each feature over the batch (for maps over H and W too), then scale and shift it.

    y = γ (x − μ)/√(σ² + 1e-5) + β; training: mean and biased variance of the batch; predicting: running
    ones, r ← 0.9 r + 0.1 (batch's), the variance unbiased, starting at 0 and 1. A batch with one number
    per feature has no variance: CnnlabError.
    Source: S. Ioffe and C. Szegedy, "Batch normalization" (2015), algorithm 1; running statistics as torch.
    """

    def __init__(self, features: int) -> None:
        self.parameters = (
            Parameter("weight", (features,), "scale", 1, "ones"),
            Parameter("bias", (features,), "shift", 1, "zeros"),
        )
        self.buffers = (
            Buffer("running_mean", (features,), 0.0),
            Buffer("running_var", (features,), 1.0),
        )

    def forward(self, x: Tensor, p: Sequence[Tensor], b: Sequence[Tensor], context: Context) -> Tensor:
        """Return y, shaped as x: K·C features that know nothing of each other."""
        if context.training and x.shape[0] * prod(x.shape[3:]) < 2:
            raise CnnlabError(
                "batch normalization needs at least two numbers per feature to train on, got a batch of "
                "one image; use train.batch_size ≥ 2"
            )
        # Autograd keeps the running statistics it was given, so it gets copies, and they are written back.
        mean, var = (buffer.flatten().clone() for buffer in b)
        y = batch_norm(
            x.flatten(1, 2), mean, var, p[0].flatten(), p[1].flatten(), context.training, MOMENTUM, EPS
        )
        if context.training:
            b[0].copy_(mean.view_as(b[0]))
            b[1].copy_(var.view_as(b[1]))
        return y.view(x.shape)
