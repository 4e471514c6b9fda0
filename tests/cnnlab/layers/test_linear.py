"""A row's product has the same bits in an array of any width, of images that rows share and of its own."""

import packing  # noqa: F401  (one thread)
import pytest
import torch
from torch import Tensor

from cnnlab.layer import Context, Mode
from cnnlab.layers.linear import Linear


def numbers(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def passed(x: Tensor, weight: Tensor, bias: Tensor, slope: Tensor) -> list[Tensor]:
    """Outputs and gradients of weights and biases, each (K, …)."""
    leaves = [t.clone().requires_grad_() for t in (weight, bias)]
    rows = len(weight)
    context = Context({}, frozenset(), torch.zeros(rows), torch.zeros(rows), Mode.TRAIN)
    y = Linear(weight.shape[2], weight.shape[1]).forward(x, leaves, (), context)
    return [y.detach().transpose(0, 1), *torch.autograd.grad(y, leaves, slope)]


@pytest.mark.parametrize("shared", [True, False])
def test_a_row_has_the_same_bits_in_any_company(shared: bool) -> None:
    rows, weight, bias = 8, numbers(8, 20, 300, seed=1), numbers(8, 20, seed=2)
    slope = numbers(64, rows, 20, seed=3)
    x = numbers(64, 1, 300, seed=4).expand(-1, rows, -1) if shared else numbers(64, rows, 300, seed=4)
    whole = passed(x, weight, bias, slope)
    for chosen in ([0], [7, 2], [3, 4, 5]):
        images = x[:, :1].expand(-1, len(chosen), -1) if shared else x[:, chosen]
        some = passed(images, weight[chosen], bias[chosen], slope[:, chosen])
        assert all(torch.equal(every[chosen], own) for every, own in zip(whole, some, strict=True))
