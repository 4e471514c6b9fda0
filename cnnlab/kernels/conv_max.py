"""Convolution, 2×2 max pooling and ReLU as one operation that autograd can differentiate."""

import ctypes
from collections.abc import Callable
from typing import Any, cast, get_args

import torch
from torch import Tensor
from torch.autograd import Function

from cnnlab.kernels import calls, library
from cnnlab.kernels.convolution_way import WhereRelu
from cnnlab.kernels.ways.grouped import Grouped


def conv_max(
    x: Tensor, weight: Tensor, bias: Tensor | None, padding: tuple[int, int], relu: WhereRelu = "none"
) -> Tensor:
    """Return (N, K, outputs, H′, W′): the largest of each 2×2 window of x ⋆ weight + bias, row by row.

    x is (N, K, inputs, H, W), or (N, 1, …) where all rows have the same images; weight is
    (K, outputs, inputs, k, k), bias (K, outputs). H′ = ⌊(H + 2p − k + 1)/2⌋. The numbers of a row depend on
    nothing else: neither the number of rows, nor the others, nor threads. A second derivative is torch's.
    `relu` is where that activation stands: nowhere, behind the pooling or before it.
    """
    if x.shape[2] > 1 and x.stride(2) != 1:
        x = x.permute(0, 1, 3, 4, 2).contiguous().permute(0, 1, 4, 2, 3)
    own = None if bias is None else bias.contiguous()
    return cast(Tensor, _ConvMax.apply(x, weight.contiguous(), own, padding, relu))  # type: ignore[no-untyped-call]


def conv_then_max(
    x: Tensor, weight: Tensor, bias: Tensor | None, padding: tuple[int, int], relu: WhereRelu = "none"
) -> Tensor:
    """Return the same by torch's operations, one after the other."""
    images = x.expand(-1, len(weight), -1, -1, -1)
    return Grouped().convolve_and_pool(images, weight, bias, padding, relu)


class _Shape(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_int) for name in ("images", "rows", "inputs", "outputs", "maps")),
        *(
            (name, ctypes.c_int)
            for name in ("height", "width", "kernel", "pad_height", "pad_width", "threads", "relu")
        ),
        *((name, ctypes.c_ssize_t) for name in ("image", "row", "line", "pixel")),
    ]


def _shape(x: Tensor, weight: Tensor, padding: tuple[int, int], relu: WhereRelu) -> _Shape:
    images, inputs, maps, height, width = x.shape
    rows, outputs, _, kernel, _ = weight.shape
    image, row, _, line, pixel = x.stride()
    return _Shape(
        images, rows, inputs, outputs, maps, height, width,
        kernel, *padding, torch.get_num_threads(), get_args(WhereRelu).index(relu),
        image, row, line, pixel,
    )  # fmt: skip


def _run(name: str, x: Tensor, shape: _Shape, *tensors: Tensor | None) -> None:
    function = getattr(library.load(x.dtype).library, f"conv_max_{name}")
    images = tuple(x.shape)

    def prepare(*arguments: Tensor | None) -> Callable[[], None]:
        passed = [*map(calls.passed, arguments)]

        def call() -> None:
            if function(ctypes.byref(shape), *passed):
                raise MemoryError(f"memory is too short for the {name} pass of a convolution of {images}")

        return call

    calls.run(prepare, *tensors)


class _ConvMax(Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, padding: tuple[int, int], relu: WhereRelu
    ) -> Tensor:
        (images, _, _, height, width), (rows, outputs, _, kernel, _) = x.shape, weight.shape
        size = ((s + 2 * p - kernel + 1) // 2 for s, p in zip((height, width), padding, strict=True))
        y = x.new_empty(images, rows, *size, outputs)
        at = torch.empty_like(y, dtype=torch.uint8)
        shape = _shape(x, weight, padding, relu)
        _run("forward", x, shape, x, weight, bias, y, at)
        ctx.save_for_backward(x, weight, bias, at)
        ctx.shape, ctx.padding, ctx.relu = shape, padding, relu
        return y.permute(0, 1, 4, 2, 3)

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None, None, None]:
        x, weight, bias, at = ctx.saved_tensors
        needs = ctx.needs_input_grad
        if torch.is_grad_enabled():
            wanted = [t for t, need in zip((x, weight, bias), needs, strict=False) if need]
            y = conv_then_max(x, weight, bias, ctx.padding, ctx.relu)
            found = iter(torch.autograd.grad(y, wanted, slope, create_graph=True))
            dx, dw, db = (next(found) if need else None for need in needs[:3])
            return dx, dw, db, None, None
        slope = slope.permute(0, 1, 3, 4, 2).contiguous()
        rows = len(weight)
        wide = x.new_empty(len(x), rows, *x.shape[3:], x.shape[2]) if needs[0] else None
        dw, db = torch.empty_like(weight), (torch.empty_like(bias) if bias is not None else None)
        _run("backward", x, ctx.shape, x, weight, slope, at, wide, dw, db)
        if wide is not None:
            wide = wide.permute(0, 1, 4, 2, 3)
            if x.shape[1] < rows:
                wide = wide.sum(1, keepdim=True)
        return wide, dw, db, None, None
