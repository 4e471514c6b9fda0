"""Batch normalization in training and a sum and ReLU behind it, as one operation with its derivative."""

import ctypes
from collections.abc import Callable
from math import prod
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd import Function
from torch.nn.functional import batch_norm

from cnnlab.activations.relu import Relu
from cnnlab.kernels import calls, library

LANES = 8  # features of a vector in float32


class Normalized(NamedTuple):
    """The outcome, and of each feature the batch's mean and biased variance, (K, C)."""

    y: Tensor
    mean: Tensor
    variance: Tensor


def fills_vectors(features: int) -> bool:
    """Whether `norm` takes so many features: whole vectors of them."""
    return features % LANES == 0


def norm(
    x: Tensor, scale: Tensor, shift: Tensor, epsilon: float, added: Tensor | None = None, relu: bool = False
) -> Normalized:
    """Return scale (x − μ)/√(σ² + epsilon) + shift + added, and ReLU of it where `relu`.

    x and added are (N, K, C, …); μ and σ² are over N and the places of a map, scale and shift (K, C). The
    numbers of a row depend on nothing else: neither the number of rows, nor the others, nor threads. A second
    derivative is torch's.
    """
    inner = _features_innermost(x)
    own = None if added is None else _features_innermost(added)
    return Normalized(
        *_Norm.apply(inner, scale.contiguous(), shift.contiguous(), own, epsilon, relu)  # type: ignore[no-untyped-call]
    )


def torch_norm(
    x: Tensor, scale: Tensor, shift: Tensor, epsilon: float, added: Tensor | None = None, relu: bool = False
) -> Normalized:
    """Return the same by torch's operations, one after the other."""
    mean, variance = (torch.zeros_like(t, requires_grad=False).flatten() for t in (scale, shift))
    y = batch_norm(
        x.flatten(1, 2), mean, variance, scale.flatten(), shift.flatten(), True, 1.0, epsilon
    ).view(x.shape)
    if added is not None:
        y = y + added
    count = len(x) * prod(x.shape[3:])
    biased = variance * ((count - 1) / count)
    return Normalized(Relu().value(y, {}) if relu else y, mean.view_as(scale), biased.view_as(scale))


class _NormShape(ctypes.Structure):
    _fields_ = [(name, ctypes.c_int) for name in ("images", "pixels", "rows", "maps", "relu", "threads")]


def _shape(x: Tensor, relu: bool) -> _NormShape:
    images, rows, maps, *size = x.shape
    pixels = prod(size)
    if pixels == 1:  # of features without places, the images are the places of one
        images, pixels = 1, images
    return _NormShape(images, pixels, rows, maps, relu, torch.get_num_threads())


def _features_innermost(x: Tensor) -> Tensor:
    """Return x as it lies in memory as (N, …, K, C)."""
    order = (0, *range(3, x.dim()), 1, 2)
    if x.permute(order).is_contiguous():
        return x
    back = (0, x.dim() - 2, x.dim() - 1, *range(1, x.dim() - 2))
    return x.permute(order).contiguous().permute(back)


def _run(name: str, x: Tensor, shape: _NormShape, *arguments: Tensor | ctypes.c_double | None) -> None:
    function = getattr(library.load(x.dtype).library, f"norm_{name}")
    features = tuple(x.shape)

    def prepare(*arguments: Tensor | ctypes.c_double | None) -> Callable[[], None]:
        passed = [*map(calls.passed, arguments)]

        def call() -> None:
            if function(ctypes.byref(shape), *passed):
                raise MemoryError(f"memory is too short for the {name} pass of a normalization of {features}")

        return call

    calls.run(prepare, *arguments)


class _Norm(Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, scale: Tensor, shift: Tensor, added: Tensor | None, epsilon: float, relu: bool
    ) -> tuple[Tensor, Tensor, Tensor]:
        y, shape = torch.empty_like(x), _shape(x, relu)
        mean, variance, inverse = (torch.empty_like(scale) for _ in range(3))
        _run(
            "forward", x, shape, x, added, scale, shift, ctypes.c_double(epsilon), y, mean, variance, inverse
        )
        ctx.save_for_backward(x, scale, shift, added, mean, inverse)
        ctx.shape, ctx.epsilon, ctx.relu = shape, epsilon, relu
        ctx.mark_non_differentiable(mean, variance)
        return y, mean, variance

    @staticmethod
    def backward(ctx: Any, slope: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:
        x, scale, shift, added, mean, inverse = ctx.saved_tensors
        needs = ctx.needs_input_grad[:4]
        if torch.is_grad_enabled():
            inputs = (x, scale, shift, added)
            wanted = [t for t, need in zip(inputs, needs, strict=True) if need]
            y = torch_norm(x, scale, shift, ctx.epsilon, added, ctx.relu).y
            found = iter(torch.autograd.grad(y, wanted, slope, create_graph=True))
            return *(next(found) if need else None for need in needs), None, None
        slope = _features_innermost(slope)
        dx, dscale, dshift = torch.empty_like(x), torch.empty_like(scale), torch.empty_like(shift)
        dadded = None if added is None else torch.empty_like(x)
        _run(
            "backward", x, ctx.shape, x, added, scale, shift, mean, inverse, slope, dx, dadded, dscale, dshift
        )  # fmt: skip
        return dx, dscale, dshift, dadded, None, None
