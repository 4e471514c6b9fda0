"""The compiled normalization against torch's operations, and its bits in any company."""

import math

import packing  # noqa: F401  (one thread)
import pytest
import torch
from compiled_library import needs_kernels
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor

from cnnlab.kernels.norm import norm, torch_norm

pytestmark = needs_kernels

EPSILON = 1e-5


def numbers(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    """Random numbers of a shape."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64).to(dtype)


def laid_out(x: Tensor, order: str) -> Tensor:
    """The same numbers in another order in memory; `order` names it from the outermost axis on."""
    if x.dim() < 5:
        return x
    axes = ["NKCHW".index(axis) for axis in order]
    return x.permute(axes).contiguous().permute([axes.index(axis) for axis in range(5)])


@pytest.mark.long
@example(
    images=67, rows=4, features=24, size=(33, 31), added=False, relu=False, order="NKCHW", far=1e4, seed=558
)
@settings(max_examples=60, deadline=None)
@given(
    images=st.sampled_from([2, 3, 67]),
    rows=st.integers(1, 4),
    features=st.sampled_from([8, 16, 24, 56, 72, 136]),
    size=st.sampled_from([(), (1,), (1, 1), (5,), (3, 4), (9, 7), (33, 31)]),
    added=st.booleans(),
    relu=st.booleans(),
    order=st.sampled_from(["NKCHW", "NHWKC", "NKHWC", "KNHWC"]),
    far=st.sampled_from([0.0, 1e4]),
    seed=st.integers(0, 999),
)
def test_it_is_a_normalization_a_sum_and_a_relu(
    images: int, rows: int, features: int, size: tuple[int, ...], added: bool, relu: bool, order: str,
    far: float, seed: int,
) -> None:  # fmt: skip
    shape = (images, rows, features, *size)
    x = laid_out(numbers(*shape, seed=seed) * 3 + far, order)
    scale, shift = numbers(rows, features, seed=seed + 1), numbers(rows, features, seed=seed + 2)
    more = laid_out(numbers(*shape, seed=seed + 3), "NKCHW") if added else None
    inputs = [t.requires_grad_() for t in (x, scale, shift, more) if t is not None]
    found = norm(x, scale, shift, EPSILON, more, relu)
    expected = torch_norm(x, scale, shift, EPSILON, more, relu)
    for own, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(own, theirs, rtol=1e-9, atol=1e-9)
    slope = laid_out(numbers(*shape, seed=seed + 4), "NKHWC")
    # The gradients are those at the centred numbers, where torch's own sums round less.
    near = [(x - far).detach().requires_grad_(), *inputs[1:]]
    centred = torch_norm(near[0], scale, shift, EPSILON, more, relu)
    for own, theirs in zip(
        torch.autograd.grad(found.y, inputs, slope),
        torch.autograd.grad(centred.y, near, slope),
        strict=True,
    ):
        torch.testing.assert_close(own, theirs, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("added", [True, False])
def test_its_derivatives_are_those_of_finite_differences(added: bool) -> None:
    more = (numbers(3, 2, 8, 2, 1, seed=3),) if added else ()
    inputs = (numbers(3, 2, 8, 2, 1), numbers(2, 8, seed=1), numbers(2, 8, seed=2), *more)

    def function(x: Tensor, scale: Tensor, shift: Tensor, *more: Tensor) -> Tensor:
        return norm(x, scale, shift, EPSILON, *(more or (None,)), relu=True).y ** 2

    leaves = tuple(t.requires_grad_() for t in inputs)
    assert torch.autograd.gradcheck(function, leaves)
    assert torch.autograd.gradgradcheck(function, leaves)


@pytest.mark.parametrize("far", [5, 1000])
def test_in_float32_it_rounds_no_more_than_torch(far: float) -> None:
    shape = (128, 1, 16, 32, 32)
    exact = [
        (numbers(*shape) * 2 + far).float().double(),
        numbers(1, 16, seed=1),
        numbers(1, 16, seed=2),
        numbers(*shape, seed=3),
    ]
    slope = numbers(*shape, seed=4)

    def errors(function: object, dtype: torch.dtype) -> list[Tensor]:
        leaves = [t.to(dtype).requires_grad_() for t in exact]
        y = function(*leaves[:3], EPSILON, leaves[3], relu=False).y  # type: ignore[operator]
        found = [y.detach(), *torch.autograd.grad(y, leaves, slope.to(dtype))]
        return [t.double() for t in found]

    true = errors(torch_norm, torch.float64)
    own, theirs = errors(norm, torch.float32), errors(torch_norm, torch.float32)
    for name, t, mine, torch_s in zip(
        ("y", "dx", "dscale", "dshift", "dadded"), true, own, theirs, strict=True
    ):
        error, limit = (mine - t).abs().max(), (torch_s - t).abs().max()
        assert error <= 2 * limit + 1e-6 * t.abs().max(), name


def outcomes(x: Tensor, scale: Tensor, shift: Tensor, more: Tensor, slope: Tensor) -> list[Tensor]:
    """Outcome, statistics and gradients, each (K, …)."""
    leaves = [t.clone().requires_grad_() for t in (x, scale, shift, more)]
    found = norm(*leaves[:3], EPSILON, leaves[3], relu=True)
    dx, dscale, dshift, dmore = torch.autograd.grad(found.y, leaves, slope)
    across = (found.y.detach(), dx, dmore)
    return [*(t.transpose(0, 1) for t in across), found.mean, found.variance, dscale, dshift]


@pytest.mark.long
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("size", [(), (5, 4), (33, 32)])
def test_a_row_has_the_same_bits_in_any_company(size: tuple[int, ...], dtype: torch.dtype) -> None:
    rows, features = 6, 24
    shape = (70, rows, features, *size)
    x, more, slope = (laid_out(numbers(*shape, seed=s, dtype=dtype), "NHWKC") for s in range(3))
    scale, shift = (numbers(rows, features, seed=s, dtype=dtype) for s in (3, 4))
    whole = outcomes(x, scale, shift, more, slope)
    for chosen in ([0], [5, 2], [5, 4, 3, 2, 1, 0]):
        part = [t[:, chosen] for t in (x, more, slope)]
        some = outcomes(part[0], scale[chosen], shift[chosen], *part[1:])
        for every, own in zip(whole, some, strict=True):
            assert torch.equal(every[chosen], own)
    x[3, 2] = math.nan
    others = [k for k in range(rows) if k != 2]
    for every, beside_nan in zip(whole, outcomes(x, scale, shift, more, slope), strict=True):
        assert torch.equal(every[others], beside_nan[others])


def test_threads_change_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    x, more, slope = (numbers(40, 2, 16, 9, 9, seed=s, dtype=torch.float32) for s in range(3))
    scale, shift = (numbers(2, 16, seed=s, dtype=torch.float32) for s in (3, 4))
    alone = outcomes(x, scale, shift, more, slope)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 5)
    for one, five in zip(alone, outcomes(x, scale, shift, more, slope), strict=True):
        assert torch.equal(one, five)


def test_the_slope_at_0_is_1_and_nan_passes() -> None:
    """Two numbers of a feature become −1 and 1, and a shift of 1 makes the first of them 0."""
    x = torch.tensor([-1.0, 1.0], dtype=torch.float64)[:, None, None].repeat(1, 1, 8).requires_grad_()
    scale, shift = torch.ones(1, 8, dtype=torch.float64), torch.ones(1, 8, dtype=torch.float64)
    shift.requires_grad_()
    y = norm(x, scale, shift, 0.0, relu=True).y
    assert torch.equal(y.detach()[:, 0, 0], torch.tensor([0.0, 2.0], dtype=torch.float64))
    (slope,) = torch.autograd.grad(y.sum(), [shift])
    assert torch.equal(slope, torch.full((1, 8), 2.0, dtype=torch.float64))
    lost = x.detach().clone()
    lost[0, 0, 3] = math.nan
    found = norm(lost, scale, shift, 0.0, relu=True).y
    assert found[:, 0, 3].isnan().all()
    assert not found[:, 0, :3].isnan().any()
