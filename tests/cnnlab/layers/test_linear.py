"""A row's product has the same bits in an array of any width, of images that rows share and of its own."""

import packing  # noqa: F401  (one thread)
import pytest
import torch
from torch import Tensor

from cnnlab.layer import Context, Mode
from cnnlab.layers.linear import Linear

pytestmark = pytest.mark.skipif(
    not torch.backends.mkl.is_available(), reason="torch does not multiply by MKL here"
)


def numbers(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def passed(x: Tensor, weight: Tensor, bias: Tensor, slope: Tensor) -> list[Tensor]:
    """Return outputs and gradients of inputs, weights and biases, each (K, …)."""
    shared = x.stride(1) == 0
    leaves = [t.clone().requires_grad_() for t in (weight, bias)]
    source = x if shared else x.clone().requires_grad_()
    rows = len(weight)
    context = Context({}, frozenset(), torch.zeros(rows), torch.zeros(rows), Mode.TRAIN)
    y = Linear(weight.shape[2], weight.shape[1]).forward(source, leaves, (), context)
    slopes = torch.autograd.grad(y, leaves if shared else [*leaves, source], slope)
    return [y.detach().transpose(0, 1), *slopes[:2], *(own.transpose(0, 1) for own in slopes[2:])]


@pytest.mark.parametrize("images", [1, 33, 64])
@pytest.mark.parametrize("sizes", [(300, 20), (7, 5), (13, 13), (30, 17), (84, 10), (7, 1), (1, 7)])
@pytest.mark.parametrize("shared", [True, False])
def test_a_row_has_the_same_bits_in_any_company(shared: bool, sizes: tuple[int, int], images: int) -> None:
    (inputs, outputs), rows = sizes, 8
    weight, bias = numbers(rows, outputs, inputs, seed=1), numbers(rows, outputs, seed=2)
    slope = numbers(images, rows, outputs, seed=3)
    x = numbers(images, 1 if shared else rows, inputs, seed=4).expand(-1, rows, -1)
    whole = passed(x, weight, bias, slope)
    for chosen in ([0], [7], [7, 2], [3, 4, 5]):
        own = x[:, :1].expand(-1, len(chosen), -1) if shared else x[:, chosen]
        some = passed(own, weight[chosen], bias[chosen], slope[:, chosen])
        assert all(torch.equal(every[chosen], alone) for every, alone in zip(whole, some, strict=True))
