"""Convolution: torch's sizes, and a filter turned by 180° where it is flipped."""

import pytest
import torch
from torch.nn import functional

from cnnlab.layer import Context, Mode
from cnnlab.layers.conv2d import Conv2d


@pytest.mark.parametrize(
    ("size", "kernel", "padding", "stride"), [(227, 11, 0, 4), (32, 3, 1, 2), (7, 1, 0, 2)]
)
def test_sizes_are_torchs(size, kernel, padding, stride):
    y = functional.conv2d(
        torch.zeros(1, 1, size, size), torch.zeros(1, 1, kernel, kernel), None, stride, padding
    )
    layer = Conv2d(1, 1, kernel, (padding, padding), stride=stride)
    assert layer.output((1, size, size)) == y.shape[1:]


def test_flip_turns_each_filter_by_half_a_turn():
    g = torch.Generator().manual_seed(1)
    layer, plain = Conv2d(2, 3, 3, flip=True), Conv2d(2, 3, 3)
    p = [torch.randn(1, *own.shape, generator=g) for own in layer.parameters]
    x = torch.randn(4, 1, 2, 6, 5, generator=g)
    context = Context({}, frozenset(), torch.zeros(0), torch.zeros(0), Mode.TRAIN)
    turned = layer.forward(x, p, [], context)
    assert torch.equal(turned, plain.forward(x, [p[0].flip(3, 4), p[1]], [], context))
    assert not torch.equal(turned, plain.forward(x, p, [], context))


@pytest.mark.parametrize("kernel", [1, 3])
def test_one_image_has_its_gradient_in_any_layout(kernel):
    """Torch's gradient of the filters goes by the stride of the images, which one image may have any of."""
    g = torch.Generator().manual_seed(1)
    layer = Conv2d(2, 1, kernel, bias=False)
    weight = torch.randn(2, 1, 2, kernel, kernel, generator=g, dtype=torch.float64).requires_grad_()
    context = Context({}, frozenset(), torch.zeros(0), torch.zeros(0), Mode.TRAIN)
    x = torch.randn(1, 2, 2, 4, 4, generator=g, dtype=torch.float64)
    inner = x.permute(0, 3, 4, 1, 2).contiguous().permute(0, 3, 4, 1, 2)  # as a batch of each row's own is
    slopes = []
    for images in (x, inner, x.expand(2, -1, -1, -1, -1)[:1]):
        y = layer.forward(images, [weight], [], context)
        slopes.append(torch.autograd.grad((y * torch.arange(y.numel()).view_as(y)).sum(), weight)[0])
    for slope in slopes[1:]:
        torch.testing.assert_close(slope, slopes[0], rtol=0, atol=1e-12)
