"""Fused: convolution, bias, 2×2 max pooling and ReLU as one Triton kernel, on a GPU where Triton is there."""

from functools import cache
from importlib.util import find_spec
from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd import Function

from cnnlab.kernels.convolution_way import ConvolutionTask, ConvolutionWay, WhereRelu
from cnnlab.kernels.ways import register
from cnnlab.kernels.ways.grouped import Grouped
from cnnlab.precision import factors

TYPES = (torch.float32, torch.bfloat16)


@cache
def has_triton() -> bool:
    """Whether Triton is installed; torch for CUDA brings it on Linux."""
    return find_spec("triton") is not None


@register
class Fused(ConvolutionWay):
    """The output of the convolution is never written, and a byte says which of four was the maximum.

    Tiles have one size for every shape, so a row's sums have one order in any array. The backward pass is
    that of the grouped convolution. A convolution without pooling is computed as `grouped`.
    """

    def takes(self, task: ConvolutionTask, x: Tensor) -> bool:
        """Whether there is such a pooling, and a GPU, a type and Triton for it."""
        return task.pooled is not None and x.is_cuda and x.dtype in TYPES and has_triton()

    def convolve(
        self, x: Tensor, weight: Tensor, bias: Tensor | None, padding: tuple[int, int], stride: int
    ) -> Tensor:
        """Return x ⋆ weight + bias as `grouped` does."""
        return Grouped().convolve(x, weight, bias, padding, stride)

    def convolve_and_pool(
        self, x: Tensor, weight: Tensor, bias: Tensor | None, padding: tuple[int, int], relu: WhereRelu
    ) -> Tensor:
        """Return the maxima, by one kernel."""
        # The gradient of images that all rows share is one for all of them.
        images = x[:, :1] if x.shape[1] > 1 and x.stride(1) == 0 else x
        own, filters, shifts = factors(images, weight, bias)
        return cast(Tensor, _Fused.apply(own, filters, shifts, padding, relu))  # type: ignore[no-untyped-call]


class _Fused(Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, padding: tuple[int, int], relu: WhereRelu
    ) -> Tensor:
        from cnnlab.kernels.triton_conv_max import pooled_forward

        precision = "tf32" if torch.backends.cuda.matmul.fp32_precision == "tf32" else "ieee"
        shifts = None if bias is None else bias.contiguous()
        y, at = pooled_forward(x, weight.contiguous(), shifts, padding, relu, precision)
        ctx.save_for_backward(x, weight, bias, at)
        ctx.padding, ctx.relu = padding, relu
        return y.permute(0, 3, 4, 1, 2)

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None, None, None]:
        x, weight, bias, at = ctx.saved_tensors
        needs = ctx.needs_input_grad[:3]
        if torch.is_grad_enabled():
            wanted = [t for t, need in zip((x, weight, bias), needs, strict=True) if need]
            y = Grouped().convolve_and_pool(
                x.expand(-1, len(weight), -1, -1, -1), weight, bias, ctx.padding, ctx.relu
            )
            found = iter(torch.autograd.grad(y, wanted, slope, create_graph=True))
            dx, dw, db = (next(found) if need else None for need in needs)
            return dx, dw, db, None, None
        size = [s + 2 * p - weight.shape[3] + 1 for s, p in zip(x.shape[3:], ctx.padding, strict=True)]
        maps = _at_maxima(slope, at, size)  # (N, H, W, K, outputs)
        dx, dw = _gradients(x, weight, maps, ctx.padding, needs[:2])
        return dx, dw, maps.sum((0, 1, 2)) if needs[2] else None, None, None


def _at_maxima(slope: Tensor, at: Tensor, size: list[int]) -> Tensor:
    """Return the gradient of the convolution's output, (N, H, W, K, outputs), from that of the maxima."""
    inner = slope.permute(0, 3, 4, 1, 2)
    _, down, across, *_ = inner.shape
    maps = inner.new_zeros(len(inner), *size, *inner.shape[3:])
    for place in range(4):
        line, pixel = divmod(place, 2)
        own = maps[:, line : line + 2 * down - 1 : 2, pixel : pixel + 2 * across - 1 : 2]
        own.copy_(inner.where(at == place, 0.0))
    return maps


def _gradients(
    x: Tensor, weight: Tensor, slope: Tensor, padding: tuple[int, int], needs: tuple[bool, bool]
) -> tuple[Tensor | None, Tensor | None]:
    """Return the gradients of images and filters that `needs` asks for, by the grouped convolution's."""
    rows, once = len(weight), x.shape[1] == 1
    nhwc = weight.permute(0, 1, 3, 4, 2).clone(memory_format=torch.contiguous_format)
    wide = nhwc.flatten(0, 1).permute(0, 3, 1, 2)
    dx, dw, _ = torch.ops.aten.convolution_backward(
        slope.flatten(3).permute(0, 3, 1, 2), x.flatten(1, 2), wide, None, [1, 1], list(padding),
        [1, 1], False, [0, 0], 1 if once else rows, [*needs, False],
    )  # fmt: skip
    return (
        dx.view(x.shape) if dx is not None else None,
        dw.view(rows, -1, *dw.shape[1:]) if dw is not None else None,
    )
