"""Dropout: train a different part of the net on every image."""

from collections.abc import Sequence
from math import prod
from typing import Literal

import torch
from torch import Tensor

from cnnlab import rng
from cnnlab.kernels import library
from cnnlab.kernels.dropout import dropout_factors
from cnnlab.layer import Context, Layer, Mode, Shape
from cnnlab.plain_code import PlainCode, TrainedLayer, call, module
from cnnlab.plain_modules import UnscaledDropout
from cnnlab.registry import register


@register
class Dropout(Layer):
    """Set each unit to 0 with probability p while training, and scale to keep the mean.

    m = 0 with probability p, else 1. `scale="train"`, the usual form: y = x·m/(1 − p), and y = x in
    predictions. `scale="predict"`, the original form: y = x·m, and y = (1 − p)·x in predictions. p is the
    hyperparameter at `path`, one per row: 0 is exactly the identity, and 1 gives zeros. A mask depends on
    the trial's seed, its step, the layer and the index in the batch alone.
    With sgd the original form equals the usual one with (1 − p)·W in place of the next layer's weights W, and
    (1 − p)²·lr for their rate.
    In the notes: dropping while training, and 1 − p in predictions: that is `scale="predict"`, with p, as
    there, the probability of dropping. The nets are "merged" exactly only where all layers are linear.
    Source: N. Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting"
    (2014), section 10, whose p is the probability of keeping a unit.
    """

    def __init__(self, path: str, scale: Literal["train", "predict"] = "train") -> None:
        self.path, self.scale = path, scale
        self.random = (path,)

    @classmethod
    def example(cls) -> tuple[Layer, Shape]:
        """Return a small one."""
        return cls("rate"), (6,)

    def forward(self, x: Tensor, p: Sequence[Tensor], b: Sequence[Tensor], context: Context) -> Tensor:
        """Return y, shaped as x."""
        if self.path in context.all_zero or (context.mode is not Mode.TRAIN and self.scale == "train"):
            return x
        if context.mode is not Mode.TRAIN:
            keep = 1 - context.hypers[self.path].double()  # (K,)
            return x * keep.to(x.dtype).view(-1, *(1,) * (x.dim() - 2))
        return x * self.factors(x, context)

    def factors(self, x: Tensor, context: Context) -> Tensor:
        """Return m/(1 − p), or m if predictions are scaled, shaped as x (N, K, …)."""
        images, rows, *unit = x.shape
        number = rng.MASKS + context.layer * rng.STREAMS
        stream = context.keep(number, lambda own: rng.stream_key(own.seed, number))
        limit = context.keep(("limit", self.path), self._limit)  # (K, 1)
        kind = x.dtype
        scale = context.keep((self.scale, self.path), lambda own: self._scale(own, kind))  # (K, 1)
        key = rng.row_key(stream, context.step_key)
        first, units = context.first * prod(unit), images * prod(unit)
        if library.takes(scale):
            kept = dropout_factors(key, limit, scale, first, units)
        else:
            index = torch.arange(first, first + units, dtype=torch.int32, device=x.device)
            kept = (rng.bits_of(key, index) <= limit) * scale
        return kept.view(rows, images, *unit).transpose(0, 1)

    def _limit(self, context: Context) -> Tensor:
        return limit_of(context.hypers[self.path])

    def _scale(self, context: Context, dtype: torch.dtype) -> Tensor:
        if self.scale == "predict":
            return (context.hypers[self.path].double() < 1).to(dtype)[:, None]
        return scale_of(context.hypers[self.path], dtype)

    def to_torch(self, trained: TrainedLayer) -> PlainCode:
        """Return nn.Dropout, or the original form as a module of its own."""
        rate = trained.hypers[self.path]
        if self.scale == "train":
            return PlainCode(call("nn.Dropout", rate))
        return PlainCode(module(UnscaledDropout, rate), classes=(UnscaledDropout,))


def limit_of(rate: Tensor) -> Tensor:
    """Return −2³¹ + (1 − p)·2³², (K, 1), of rates p (K,): a unit stays up to it.

    For p = 0 that is every int32.
    """
    keep = 1 - rate.double()
    return ((keep - 0.5) * 2.0**32).clamp(-(2.0**31), 2.0**31 - 1).int()[:, None]


def scale_of(rate: Tensor, dtype: torch.dtype) -> Tensor:
    """Return 1/(1 − p), (K, 1), by which a unit that stays is multiplied; 0 where p = 1."""
    return (1 / (1 - rate.double())).nan_to_num(posinf=0.0).to(dtype)[:, None]
