"""Batch normalization: each feature keeps mean 0 and variance 1 while the layers before it change."""

from collections.abc import Sequence
from copy import copy
from math import prod
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import batch_norm

from cnnlab.activations.relu import Relu
from cnnlab.errors import CnnlabError
from cnnlab.kernels.library import takes
from cnnlab.kernels.norm import fills_vectors, norm, torch_norm
from cnnlab.layer import Buffer, Context, Layer, Mode, Parameter, Shape
from cnnlab.plain_code import PlainCode, TrainedLayer, call
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

    relu = False  # whether one stands behind it

    def __init__(self, features: int, statistics: Literal["ema", "population"] = "ema") -> None:
        self.compiled = fills_vectors(features)
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
        return self.then(x, p, b, context)

    def then(
        self,
        x: Tensor,
        p: Sequence[Tensor],
        b: Sequence[Tensor],
        context: Context,
        added: Tensor | None = None,
    ) -> Tensor:
        """Return y + added, and ReLU of that where it was joined: in training one compiled operation."""
        training = context.mode is Mode.TRAIN
        counted = self.population and context.mode is Mode.POPULATION
        if not training and not counted:
            mean, var = (buffer.flatten() for buffer in b[:2])
            y = batch_norm(x.flatten(1, 2), mean, var, p[0].flatten(), p[1].flatten(), False, 0.0, EPS)
            y = y.view(x.shape) if added is None else y.view(x.shape) + added
            return Relu().value(y, {}) if self.relu else y
        count = x.shape[0] * prod(x.shape[3:])  # the numbers of a feature
        if count < 2:
            raise CnnlabError(
                "batch normalization needs at least two numbers per feature to train on, got a batch of "
                "one image; use train.batch_size ≥ 2"
            )
        normalize = norm if self.compiled and takes(x) else torch_norm
        y, mean, var = normalize(x, p[0], p[1], EPS, added, self.relu)
        unbiased = var * (count / (count - 1))
        if counted:
            self._average(b, mean, unbiased, len(x))
        elif not self.population:
            for kept, new in ((b[0], mean), (b[1], unbiased)):
                kept.copy_(kept * (1 - MOMENTUM) + new * MOMENTUM)
        return y

    def with_relu(self) -> "BatchNorm | None":
        """Return both as one; None for a class derived from this one, whose forward pass is its own."""
        if type(self) is not BatchNorm or self.relu:
            return None
        both = copy(self)
        both.relu, both.layer_count = True, self.layer_count + 1
        return both

    def _average(self, b: Sequence[Tensor], mean: Tensor, var: Tensor, images: int) -> None:
        """Add a batch to the averages (K, C), weighted by its share of the images so far."""
        seen = b[2]  # (K,)
        share = (images / (seen + images))[:, None]
        for kept, new in ((b[0], mean), (b[1], var)):
            # Not kept + share · (new − kept): beside the 1, a small first variance would lose its digits.
            kept.copy_(kept * (1 - share) + new * share)
        seen += images

    def to_torch(self, trained: TrainedLayer) -> PlainCode:
        """Return nn.BatchNorm1d or 2d with these statistics; trained on, it goes on with running averages."""
        kind = "nn.BatchNorm2d" if len(trained.shape) == 3 else "nn.BatchNorm1d"
        names = ("weight", "bias", "running_mean", "running_var")
        state = {name: trained.weights[name] for name in names}
        state["num_batches_tracked"] = torch.zeros((), dtype=torch.int64)
        return PlainCode(call(kind, len(state["weight"])), state)
