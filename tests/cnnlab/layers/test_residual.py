"""Residual blocks: what is joined in them computes what their layers do one after the other."""

import pytest
import torch

from cnnlab.chain import Chain
from cnnlab.engine.net import Net
from cnnlab.kernels import library
from cnnlab.layer import Context, Layer, Mode
from cnnlab.layers.activate import Activate
from cnnlab.layers.batch_norm import BatchNorm
from cnnlab.layers.conv2d import Conv2d
from cnnlab.layers.residual import Residual

ROWS = 2
RELU = Activate("relu", "model.activation")


def body() -> dict[str, Layer]:
    """Two convolutions of eight maps, with normalizations that keep running averages."""
    return {
        "conv1": Conv2d(8, 8, 3, (1, 1)), "norm1": BatchNorm(8), "act1": RELU,
        "conv2": Conv2d(8, 8, 3, (1, 1)), "norm2": BatchNorm(8),
    }  # fmt: skip


def shortcut() -> dict[str, Layer]:
    return {"conv": Conv2d(8, 8, 1), "norm": BatchNorm(8)}


@pytest.mark.parametrize("mode", [Mode.TRAIN, Mode.PREDICT])
@pytest.mark.parametrize("with_relu", [True, False])
@pytest.mark.parametrize("side", [{}, shortcut()])
@pytest.mark.parametrize("compiled", [True, False])
def test_a_block_is_its_layers(
    mode: Mode,
    with_relu: bool,
    side: dict[str, Layer],
    compiled: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if not compiled:
        monkeypatch.setattr(library, "load", lambda dtype: library.Kernels(None, None, "off"))
    block = {"block": Residual(body(), side)}
    own = Net(block | {"act": RELU} if with_relu else block, (8, 5, 6))
    seed = torch.arange(ROWS, dtype=torch.int32)
    theta = own.start(seed).requires_grad_()
    generator = torch.Generator().manual_seed(1)
    x, slope = torch.randn(2, 7, ROWS, 8, 5, 6, generator=generator, dtype=torch.float64)
    buffers = own.start_buffers(ROWS) + torch.rand(own.buffered, generator=generator, dtype=torch.float64)
    expected_buffers = buffers.clone()

    def context() -> Context:
        return Context({}, frozenset(), seed, seed * 0, mode)

    y = own.forward(theta, buffers, x, context())
    p, b = own.views(theta), [*torch.split(expected_buffers, 8, 1)]
    main, beside = Chain(body()), Chain(side)
    first = len(main.parameters)
    with library.torch_alone():
        expected = main.forward(x, p[:first], b[:4], context()) + beside.forward(
            x, p[first:], b[4:], context()
        )
    if with_relu:
        expected = expected.clamp(min=0)
    torch.testing.assert_close(y, expected, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(buffers, expected_buffers, rtol=1e-12, atol=1e-12)
    (found,), (theirs,) = (torch.autograd.grad(each, [theta], slope) for each in (y, expected))
    torch.testing.assert_close(found, theirs, rtol=1e-10, atol=1e-10)
