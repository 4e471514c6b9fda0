"""Every way to convolve is the same function, forward and back, and keeps rows apart."""

import packing  # noqa: F401  (one thread)
import pytest
import torch
from torch import Tensor
from torch.nn.functional import conv2d, max_pool2d, relu

from cnnlab.errors import RegistryError
from cnnlab.kernels import ways
from cnnlab.kernels.convolution_way import WhereRelu

ON_CPU = [name for name in ways.names() if name != "fused"]
# inputs, outputs, kernel, height, width, padding, stride
SHAPES = [
    (1, 6, 5, 9, 8, (2, 2), 1),
    (3, 4, 3, 7, 6, (1, 0), 1),
    (2, 3, 3, 8, 9, (1, 1), 2),
    (4, 5, 1, 5, 5, (0, 0), 2),
    (2, 1, 2, 2, 2, (0, 0), 1),
]


def numbers(*shape: int, seed: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def given(
    shape: tuple[int, int, int, int, int, tuple[int, int], int], rows: int, shared: bool, bias: bool
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Images that lie as those of a batch do, filters, and biases."""
    inputs, outputs, side, height, width, _, _ = shape
    lying = numbers(3, height, width, 1 if shared else rows, inputs, seed=1).permute(0, 3, 4, 1, 2)
    weight = numbers(rows, outputs, inputs, side, side, seed=2)
    return lying, weight, numbers(rows, outputs, seed=3) if bias else None


def reference(
    x: Tensor, weight: Tensor, bias: Tensor | None, padding: tuple[int, int], stride: int
) -> Tensor:
    """Row by row, in torch's plain layout."""
    each = [
        conv2d(
            x[:, row].contiguous(),
            weight[row],
            None if bias is None else bias[row],
            stride=stride,
            padding=padding,
        )
        for row in range(len(weight))
    ]
    return torch.stack(each, 1)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", ON_CPU)
def test_it_is_the_convolution(name: str, shape, rows: int, shared: bool, bias: bool) -> None:  # type: ignore[no-untyped-def]
    x, weight, shift = given(shape, rows, shared, bias)
    padding, stride = shape[5:]
    leaves = [t.requires_grad_() for t in (x, weight, shift) if t is not None]
    outcomes = []
    for convolve in ways.get(name).convolve, reference:
        y = convolve(x.expand(-1, rows, -1, -1, -1), weight, shift, padding, stride)
        slope = numbers(*y.shape, seed=4)
        outcomes.append([y, *torch.autograd.grad(y, leaves, slope)])
    for own, exact in zip(*outcomes, strict=True):
        torch.testing.assert_close(own, exact, rtol=1e-12, atol=1e-12)
    assert outcomes[0][0].permute(0, 3, 4, 1, 2).is_contiguous()


@pytest.mark.parametrize("where", ["none", "behind", "before"])
@pytest.mark.parametrize("name", ON_CPU)
def test_with_a_pooling_behind_it(name: str, where: WhereRelu) -> None:
    x, weight, shift = given(SHAPES[1], 3, False, True)
    expected = max_pool2d(reference(x, weight, shift, (1, 0), 1).flatten(1, 2), 2)
    found = ways.get(name).convolve_and_pool(x, weight, shift, (1, 0), where).flatten(1, 2)
    torch.testing.assert_close(found, expected if where == "none" else relu(expected), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", ON_CPU)
def test_in_float32_it_is_near_what_float64_gives(name: str) -> None:
    x, weight, shift = given(SHAPES[0], 3, False, True)
    exact = reference(x, weight, shift, (2, 2), 1)
    assert shift is not None
    found = ways.get(name).convolve(x.float(), weight.float(), shift.float(), (2, 2), 1)
    assert float((found - exact).abs().max() / exact.abs().max()) < 1e-6


@pytest.mark.parametrize("name", ON_CPU)
def test_rows_do_not_mix(name: str) -> None:
    x, weight, _ = given(SHAPES[1], 3, False, False)
    alone = ways.get(name).convolve(x, weight, None, (1, 0), 1)
    x[:, 1], weight[2] = torch.nan, torch.inf
    beside = ways.get(name).convolve(x, weight, None, (1, 0), 1)
    assert torch.equal(alone[:, 0], beside[:, 0])
    assert beside[:, 1].isnan().all()


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("name", ON_CPU)
def test_it_has_a_second_derivative(name: str, shared: bool) -> None:
    x, weight, shift = given(SHAPES[4], 2, shared, True)
    leaves = tuple(t.requires_grad_() for t in (x, weight, shift) if t is not None)

    def convolved(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        return ways.get(name).convolve(x.expand(-1, 2, -1, -1, -1), weight, bias, (0, 0), 1)

    assert torch.autograd.gradgradcheck(convolved, leaves)


def test_a_name_that_is_none_is_refused_with_the_nearest() -> None:
    message = "must be one of branches, columns, fused, grouped; got 'coloumns'; did you mean columns"
    with pytest.raises(RegistryError, match=message):
        ways.get("coloumns")
