"""The compiled operation against torch's two, against finite differences, and its bits in any company."""

import math
from typing import get_args

import packing  # noqa: F401  (one thread)
import pytest
import torch
from compiled_library import needs_kernels
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.functional import conv2d

from cnnlab.kernels import library
from cnnlab.kernels.conv_max import WhereRelu, conv_max, conv_then_max

pytestmark = needs_kernels


RELU: tuple[WhereRelu, ...] = get_args(WhereRelu)


def numbers(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    """Random numbers of a shape, some of them 0."""
    generator = torch.Generator().manual_seed(seed)
    found = torch.randn(*shape, generator=generator, dtype=torch.float64)
    return (found * (torch.rand(*shape, generator=generator) > 0.2)).to(dtype)


def as_laid_out(x: Tensor, layout: str) -> Tensor:
    """The same numbers in another order in memory."""
    if layout == "maps innermost":
        return x.permute(0, 1, 3, 4, 2).contiguous().permute(0, 1, 4, 2, 3)
    if layout == "rows and maps innermost":
        return x.permute(0, 3, 4, 1, 2).contiguous().permute(0, 3, 4, 1, 2).permute(0, 1, 2, 3, 4)
    return x.contiguous()


def decided(x: Tensor, w: Tensor, b: Tensor | None, padding: tuple[int, int], relu: WhereRelu) -> Tensor:
    """Whether rounding leaves the place of each maximum, and its sign, as they are.

    Filters of three by three are computed by sums and differences: what is 0 in torch need not be 0 there.
    """
    with torch.no_grad():
        images = x.expand(-1, len(w), -1, -1, -1).unbind(1)
        shifts = [None] * len(w) if b is None else b.unbind()
        maps = [conv2d(*each, padding=padding) for each in zip(images, w, shifts, strict=True)]
        whole = torch.stack(maps, 1)  # (N, K, outputs, H, W)
        if relu == "before":
            whole = whole.relu()
        first, second = whole.unfold(3, 2, 2).unfold(4, 2, 2).flatten(5).topk(2).values.unbind(-1)
        clear = first - second > 1e-9
        return clear & (first.abs() > 1e-9) if relu != "none" else clear


@example(
    images=2, rows=3, maps=6, outputs=9, kernel=3, size=(4, 3), padding=(2, 3), bias=False, shared=False,
    relu="none", layout="maps innermost", seed=1,
)  # fmt: skip
@settings(max_examples=40, deadline=None)
@given(
    images=st.sampled_from([1, 2, 3, 65]),
    rows=st.integers(1, 5),
    maps=st.sampled_from([1, 2, 3, 6, 8, 16, 17, 32]),
    outputs=st.sampled_from([1, 3, 6, 8, 9, 16, 20, 33, 50]),
    kernel=st.integers(1, 7),
    size=st.tuples(st.integers(0, 9), st.integers(0, 9)),
    padding=st.tuples(st.integers(0, 3), st.integers(0, 3)),
    bias=st.booleans(),
    shared=st.booleans(),
    relu=st.sampled_from(RELU),
    layout=st.sampled_from(["maps innermost", "rows and maps innermost", "plain"]),
    seed=st.integers(0, 999),
)
def test_it_is_a_convolution_and_a_pooling(
    images: int, rows: int, maps: int, outputs: int, kernel: int, size: tuple[int, int],
    padding: tuple[int, int], bias: bool, shared: bool, relu: WhereRelu, layout: str, seed: int,
) -> None:  # fmt: skip
    height, width = (max(1, kernel + 1 - 2 * p) + more for p, more in zip(padding, size, strict=True))
    x = as_laid_out(numbers(images, 1 if shared else rows, maps, height, width, seed=seed), layout)
    w = numbers(rows, outputs, maps, kernel, kernel, seed=seed + 1)
    b = numbers(rows, outputs, seed=seed + 2) if bias else None
    inputs = [t.requires_grad_() for t in (x, w, b) if t is not None]
    found, expected = conv_max(x, w, b, padding, relu), conv_then_max(x, w, b, padding, relu)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)
    slope = numbers(*expected.shape, seed=seed + 3)
    if kernel == 3:
        slope = slope * decided(x, w, b, padding, relu)
    for own, theirs in zip(
        torch.autograd.grad(found, inputs, slope), torch.autograd.grad(expected, inputs, slope), strict=True
    ):
        torch.testing.assert_close(own, theirs, rtol=1e-12, atol=1e-12)


@pytest.mark.long
@pytest.mark.parametrize("relu", RELU)
@pytest.mark.parametrize("shared", [True, False])
def test_its_derivatives_are_those_of_finite_differences(shared: bool, relu: WhereRelu) -> None:
    x, w, b = numbers(2, 1 if shared else 2, 2, 6, 5), numbers(2, 3, 2, 3, 3, seed=1), numbers(2, 3, seed=2)
    inputs = tuple((t + 0.01 * numbers(*t.shape, seed=9)).requires_grad_() for t in (x, w, b))

    def function(*tensors: Tensor) -> Tensor:
        return conv_max(*tensors, (1, 0), relu) ** 2

    assert torch.autograd.gradcheck(function, inputs)
    assert torch.autograd.gradgradcheck(function, inputs)


def gradients(x: Tensor, w: Tensor, b: Tensor, slope: Tensor, relu: WhereRelu = "none") -> list[Tensor]:
    """Output and gradients, each (K, …)."""
    leaves = [t.clone().requires_grad_() for t in (x, w, b)]
    y = conv_max(*leaves, (2, 1), relu)
    dx, dw, db = torch.autograd.grad(y, leaves, slope)
    return [y.detach().transpose(0, 1), dx.transpose(0, 1), dw, db]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(
    ("maps", "kernel", "outputs", "relu"),
    [(6, 5, 6, "behind"), (6, 5, 16, "none"), (6, 5, 20, "before"), (8, 3, 12, "behind"), (1, 3, 6, "none")],
)
def test_a_row_has_the_same_bits_in_any_company(
    maps: int, kernel: int, outputs: int, relu: WhereRelu, dtype: torch.dtype
) -> None:
    rows = 8
    x = numbers(70, rows, maps, 4 + kernel, 5 + kernel, dtype=dtype)
    w = numbers(rows, outputs, maps, kernel, kernel, seed=2, dtype=dtype)
    b = numbers(rows, outputs, seed=3, dtype=dtype)
    slope = numbers(70, *conv_max(x, w, b, (2, 1), relu).shape[1:], seed=1, dtype=dtype)
    whole = gradients(x, w, b, slope, relu)
    for chosen in ([0], [7, 2], [3, 4, 5], [5, 4, 3, 2, 1, 0]):
        for every, some in zip(
            whole, gradients(x[:, chosen], w[chosen], b[chosen], slope[:, chosen], relu), strict=True
        ):
            assert torch.equal(every[chosen], some)
    w[3] = math.nan
    for every, beside_nan in zip(whole, gradients(x, w, b, slope, relu), strict=True):
        others = [k for k in range(rows) if k != 3]
        assert torch.equal(every[others], beside_nan[others])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(
    ("maps", "kernel"), [(1, 1), (1, 3), (1, 4), (1, 5), (1, 8), (2, 3), (2, 4), (3, 3), (8, 3)]
)
def test_shared_images_give_the_bits_of_copies(maps: int, kernel: int, dtype: torch.dtype) -> None:
    x, w, b = (
        numbers(5, 1, maps, 29, 13, dtype=dtype),
        numbers(3, 9, maps, kernel, kernel, seed=1, dtype=dtype),
        numbers(3, 9, seed=2, dtype=dtype),
    )
    w, b = w.requires_grad_(), b.requires_grad_()
    y = conv_max(x, w, b, (1, 1), "behind")
    of_copies = conv_max(x.expand(-1, 3, -1, -1, -1).contiguous(), w, b, (1, 1), "behind")
    assert torch.equal(y, of_copies)
    slope = numbers(*y.shape, seed=3, dtype=dtype)
    for own, theirs in zip(
        torch.autograd.grad(y, (w, b), slope), torch.autograd.grad(of_copies, (w, b), slope), strict=True
    ):
        assert torch.equal(own, theirs)


def test_threads_change_no_bit() -> None:
    x, w, b = (numbers(*s, dtype=torch.float32) for s in ((130, 3, 4, 9, 9), (3, 7, 4, 3, 3), (3, 7)))
    slope = numbers(130, 3, 7, 5, 4, seed=1, dtype=torch.float32)
    alone = gradients(x, w, b, slope)
    torch.set_num_threads(3)
    try:
        together = gradients(x, w, b, slope)
    finally:
        torch.set_num_threads(1)
    assert all(map(torch.equal, alone, together))


@pytest.mark.parametrize("relu", RELU)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_ties_infinities_and_nan_are_as_in_torch(dtype: torch.dtype, relu: WhereRelu) -> None:
    values = torch.tensor([0.0, -0.0, 1.0, 1.0, -1.0, math.inf, -math.inf, math.nan], dtype=dtype)
    every = torch.cartesian_prod(values, values, values, values).view(-1, 1, 1, 2, 2)  # all windows of these
    w = torch.ones(1, 1, 1, 1, 1, dtype=dtype)
    own, theirs = every.clone().requires_grad_(), every.clone().requires_grad_()
    found, expected = conv_max(own, w, None, (0, 0), relu), conv_then_max(theirs, w, None, (0, 0), relu)
    torch.testing.assert_close(found, expected, rtol=0, atol=0, equal_nan=True)
    found.backward(torch.ones_like(found))
    expected.backward(torch.ones_like(expected))
    assert torch.equal(own.grad, theirs.grad)  # type: ignore[arg-type]


@pytest.mark.parametrize("wrong", [math.inf, -math.inf, math.nan, 1e30])
@pytest.mark.parametrize("where", ["image", "filter"])
def test_what_differences_would_spoil_is_multiplied_as_it_is(where: str, wrong: float) -> None:
    """3×3 filters are transformed, and a difference of two infinities would be NaN where torch has none."""
    x, w = (numbers(*s, dtype=torch.float32) for s in ((3, 2, 8, 10, 10), (2, 9, 8, 3, 3)))
    usual = conv_max(x, w, None, (1, 1), "behind")
    (x[1, 1, 2, 4] if where == "image" else w[1, 4, 2, 1])[1] = wrong
    found, expected = conv_max(x, w, None, (1, 1), "behind"), conv_then_max(x, w, None, (1, 1), "behind")
    torch.testing.assert_close(found, expected, equal_nan=True, rtol=1e-5, atol=1e-5)
    assert torch.equal(found[:, 0], usual[:, 0])
    assert where == "filter" or torch.equal(found[[0, 2]], usual[[0, 2]])


def test_transformed_filters_round_no_more_than_torch() -> None:
    x, w = numbers(8, 1, 32, 14, 14), numbers(1, 64, 32, 3, 3, seed=1)
    exact = conv_then_max(x, w, None, (1, 1))
    own = (conv_max(x.float(), w.float(), None, (1, 1)) - exact).abs()
    theirs = (conv_then_max(x.float(), w.float(), None, (1, 1)) - exact).abs()
    assert own.mean() < 1.5 * theirs.mean()
    assert own.max() < 2 * theirs.max()


def test_other_types_and_devices_are_torchs() -> None:
    assert library.takes(torch.zeros(1))
    assert not library.takes(torch.zeros(1, dtype=torch.bfloat16))
    assert not library.takes(torch.zeros(1, device="meta"))
