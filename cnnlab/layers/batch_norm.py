"""Batch normalization: each feature keeps mean 0 and variance 1 while the layers before it change."""

from collections.abc import Sequence
from math import prod
from typing import Literal

from torch import Tensor
from torch.nn.functional import batch_norm

from cnnlab.errors import CnnlabError
from cnnlab.layer import Buffer, Context, Layer, Mode, Parameter, Shape
from cnnlab.registry import register

MOMENTUM, EPS = 0.1, 1e-5  # torch's


@register
class BatchNorm(Layer):
    """Normalize each feature over the batch (for maps over H and W too), then scale and shift it.

    y = γ (x − μ)/√(σ² + 1e-5) + β; training: mean and biased variance of the batch; predicting: what
    `statistics` names. `ema`: running averages, r ← 0.9 r + 0.1 (batch's), the variance unbiased, starting at
    0 and 1. `population`: means over all training images at the present weights, of the batches' μ and
    m/(m−1) σ², where m is how many numbers of a feature are in a batch; each image counts the same. A pass in
    `Mode.POPULATION` fills them and normalizes a batch as training does. A batch with one number per
    feature has no variance: CnnlabError.
    In the notes: only algorithm 1, which is training, and nothing about predictions. Both are built here: the
    paper's algorithm 2, `population`, and the running averages that usually replace it, `ema`.
    Source: S. Ioffe and C. Szegedy, "Batch normalization" (2015), algorithms 1 and 2; `ema` as torch.
    """

    def __init__(self, features: int, statistics: Literal["ema", "population"] = "ema") -> None:
        self.population = statistics == "population"
        self.parameters = (
            Parameter("weight", (features,), "scale", 1, "ones"),
            Parameter("bias", (features,), "shift", 1, "zeros"),
        )
        self.buffers = (
            Buffer("running_mean", (features,), 0.0, self.population),
            Buffer("running_var", (features,), 1.0, self.population),
            *([Buffer("images", (), 0.0, True)] if self.population else []),
        )

    @classmethod
    def example(cls) -> tuple[Layer, Shape]:
        """Return a small one."""
        return cls(6), (6,)

    def forward(self, x: Tensor, p: Sequence[Tensor], b: Sequence[Tensor], context: Context) -> Tensor:
        """Return y, shaped as x: K·C features, independent of each other."""
        training = context.mode is Mode.TRAIN
        counted = self.population and context.mode is Mode.POPULATION
        by_batch = training or counted
        if by_batch and x.shape[0] * prod(x.shape[3:]) < 2:
            raise CnnlabError(
                "batch normalization needs at least two numbers per feature to train on, got a batch of "
                "one image; use train.batch_size ≥ 2"
            )
        # Autograd keeps the running statistics it was given, so it gets copies, and they are written back.
        mean, var = (buffer.flatten().clone() for buffer in b[:2])
        y = batch_norm(
            x.flatten(1, 2), mean, var, p[0].flatten(), p[1].flatten(), by_batch,
            1.0 if self.population else MOMENTUM, EPS,
        )  # fmt: skip
        if counted:  # with momentum 1 the copies are the batch's alone
            self._average(b, mean.view_as(b[0]), var.view_as(b[1]), len(x))
        elif training and not self.population:
            b[0].copy_(mean.view_as(b[0]))
            b[1].copy_(var.view_as(b[1]))
        return y.view(x.shape)

    def _average(self, b: Sequence[Tensor], mean: Tensor, var: Tensor, images: int) -> None:
        """Add a batch to the averages (K, C), weighted by its share of the images so far."""
        seen = b[2]  # (K,)
        share = (images / (seen + images))[:, None]
        for kept, new in ((b[0], mean), (b[1], var)):
            # Not kept + share · (new − kept): beside the 1, a small first variance would lose its digits.
            kept.copy_(kept * (1 - share) + new * share)
        seen += images
