"""A number has the same bits wherever it is in an array, and in the gradient."""

import packing  # noqa: F401  (one thread)
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from cnnlab.elementwise import WHOLE, evenly

FUNCTIONS = {
    "sigmoid": torch.sigmoid,
    "silu": functional.silu,
    "selu": functional.selu,
    "gelu": functional.gelu,
    "logaddexp": lambda x: x.logaddexp(x.new_zeros(())),
    "power": lambda x: (x.abs() + 0.01).pow(-0.75),
}


def both(function, x, slope):
    """Return f(x), and the gradient of f along a slope."""
    x = x.detach().requires_grad_()
    y = evenly(function, x)
    return y.detach(), torch.autograd.grad(y, x, slope)[0]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_bits_do_not_depend_on_the_place(name):
    function = FUNCTIONS[name]
    x, slope = torch.randn(2, 33 * 5, 3, generator=torch.Generator().manual_seed(1))
    whole = both(function, x, slope)
    for first, last in ((0, 1), (1, 8), (160, 165), (0, 164)):
        some = both(function, x[first:last].clone(), slope[first:last].clone())
        assert all(torch.equal(a[first:last], b) for a, b in zip(whole, some, strict=True))
    column = both(function, x[:, 1], slope[:, 1])  # not neighbours in memory
    assert all(torch.equal(a[:, 1], b) for a, b in zip(whole, column, strict=True))
    other = both(function, x, slope.t().contiguous().t())  # a gradient that lies otherwise
    assert all(torch.equal(a, b) for a, b in zip(whole, other, strict=True))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_values_and_derivatives_are_torchs(name):
    x = torch.randn(3, 4, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    x = x.permute(2, 0, 1).requires_grad_()

    def even(x: Tensor) -> Tensor:
        return evenly(FUNCTIONS[name], x)

    torch.testing.assert_close(even(x), FUNCTIONS[name](x), rtol=0, atol=1e-15)
    assert torch.autograd.gradcheck(even, x)
    assert torch.autograd.gradgradcheck(even, x)


def test_the_layout_stays():
    x = torch.randn(2, 3, 4, 5).permute(0, 3, 1, 2)
    assert evenly(torch.sigmoid, x).stride() == x.stride()


def test_whole_vectors_are_not_copied():
    seen = []
    x = torch.randn(WHOLE, 3).t()
    evenly(lambda own: seen.append(own.data_ptr()) or own, x)
    assert seen == [x.data_ptr()]
