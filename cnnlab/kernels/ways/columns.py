"""Columns: what a filter covers at each place becomes a line of a matrix, and the product is the outcome."""

from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd import Function
from torch.nn.functional import pad

from cnnlab.kernels.convolution_way import ConvolutionWay
from cnnlab.kernels.ways import register
from cnnlab.precision import factors


@register
class Columns(ConvolutionWay):
    """A matrix product for each row, or one for all where they share a batch.

    The columns have k² times the numbers of x, so they are not kept: the backward pass makes them again.
    Source: K. Chellapilla, S. Puri and P. Simard, "High performance convolutional neural networks for
    document processing" (2006).
    """

    def convolve(
        self, x: Tensor, weight: Tensor, bias: Tensor | None, padding: tuple[int, int], stride: int
    ) -> Tensor:
        """Return x ⋆ weight + bias by matrix products."""
        # The gradient of images that all rows share is one for all of them.
        images = x[:, :1] if x.shape[1] > 1 and x.stride(1) == 0 else x
        own, filters, shifts = factors(images, weight, bias)
        y = cast(Tensor, _Product.apply(own, filters, padding, stride))  # type: ignore[no-untyped-call]
        return (y if shifts is None else y + shifts).permute(0, 3, 4, 1, 2)


class _Product(Function):
    """The convolution without biases, (N, H′, W′, K, outputs)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, padding: tuple[int, int], stride: int) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.padding, ctx.stride = padding, stride
        return _multiplied(x, weight, padding, stride)

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        x, weight = ctx.saved_tensors
        needs = ctx.needs_input_grad[:2]
        if torch.is_grad_enabled():
            wanted = [t for t, need in zip((x, weight), needs, strict=True) if need]
            y = _multiplied(x, weight, ctx.padding, ctx.stride)
            found = iter(torch.autograd.grad(y, wanted, slope, create_graph=True))
            dx, dw = (next(found) if need else None for need in needs)
            return dx, dw, None, None
        with torch.enable_grad():
            images = x.detach().requires_grad_(needs[0])
            columns, _ = _columns(images, weight.shape[3], ctx.padding, ctx.stride)
        lines = _lines(slope, len(columns))
        dx = dw = None
        if needs[0]:
            (dx,) = torch.autograd.grad(columns, images, torch.bmm(lines, _filters(weight, len(columns))))
        if needs[1]:
            dw = torch.bmm(lines.transpose(1, 2), columns).view(weight.shape)
        return dx, dw, None, None


def _multiplied(x: Tensor, weight: Tensor, padding: tuple[int, int], stride: int) -> Tensor:
    rows, outputs = weight.shape[:2]
    columns, places = _columns(x, weight.shape[3], padding, stride)
    each = torch.bmm(columns, _filters(weight, len(columns)).transpose(1, 2))
    inner = each.view(len(columns), *places, -1).permute(1, 2, 3, 0, 4)
    return inner.reshape(*places, rows, outputs).contiguous()


def _columns(
    x: Tensor, side: int, padding: tuple[int, int], stride: int
) -> tuple[Tensor, tuple[int, int, int]]:
    """Return what the filter covers, (K or 1, N·H′·W′, inputs·k²), and N, H′ and W′."""
    framed = pad(x, (padding[1], padding[1], padding[0], padding[0]))
    windows = framed.unfold(3, side, stride).unfold(4, side, stride)  # (N, K, inputs, H′, W′, k, k)
    images, rows, inputs, height, width, _, _ = windows.shape
    columns = windows.permute(1, 0, 3, 4, 2, 5, 6).reshape(rows, -1, inputs * side**2)
    return columns, (images, height, width)


def _filters(weight: Tensor, products: int) -> Tensor:
    """Return the filters of each product as a matrix, (K, outputs, inputs·k²) or (1, K·outputs, …)."""
    return weight.reshape(products, -1, weight[0, 0].numel())


def _lines(slope: Tensor, products: int) -> Tensor:
    """Return the gradient of each product, (K, N·H′·W′, outputs) or (1, N·H′·W′, K·outputs)."""
    *places, rows, outputs = slope.shape
    own = slope.reshape(*places, products, rows * outputs // products)
    return own.permute(3, 0, 1, 2, 4).reshape(products, -1, rows * outputs // products)
