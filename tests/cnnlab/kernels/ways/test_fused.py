"""The Triton kernel, run by Triton's interpreter on a CPU, against torch's operations in float64."""

import packing  # noqa: F401  (one thread)
import pytest
import torch
from torch import Tensor

from cnnlab.kernels.convolution_way import ConvolutionTask, WhereRelu
from cnnlab.kernels.ways import fused, get

SHAPES = [  # images, rows, inputs, height, width, outputs, kernel, padding
    (3, 2, 1, 9, 8, 5, 3, (1, 0)),
    (2, 3, 6, 14, 14, 16, 5, (0, 0)),
    (4, 2, 3, 8, 8, 17, 3, (1, 1)),
    (2, 1, 4, 6, 6, 3, 2, (0, 0)),
]


@pytest.fixture
def interpreter() -> None:
    """Triton's interpreter, as tests/conftest.py asks for it."""
    pytest.importorskip("triton", reason="Triton is not installed, as torch for CUDA has it installed")


def outcome(way: str, given: list[Tensor | None], rows: int, padding, relu: WhereRelu) -> list[Tensor]:  # type: ignore[no-untyped-def]
    """The maxima and all gradients."""
    leaves = [t if t is None else t.detach().requires_grad_() for t in given]
    x, weight, bias = leaves
    assert x is not None
    assert weight is not None
    y = get(way).convolve_and_pool(x.expand(-1, rows, -1, -1, -1), weight, bias, padding, relu)
    slope = torch.linspace(-1, 1, y.numel(), dtype=y.dtype).view(y.shape)
    return [y.detach(), *torch.autograd.grad(y, [t for t in leaves if t is not None], slope)]


@pytest.mark.usefixtures("interpreter")
@pytest.mark.parametrize("relu", ["none", "behind", "before"])
@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_it_is_a_convolution_and_a_pooling(shape, shared: bool, relu: WhereRelu) -> None:  # type: ignore[no-untyped-def]
    images, rows, inputs, height, width, outputs, side, padding = shape
    random = torch.Generator().manual_seed(0)
    x = torch.randn(images, height, width, 1 if shared else rows, inputs, generator=random)
    weight = torch.randn(rows, outputs, inputs, side, side, generator=random)
    shift = torch.randn(rows, outputs, generator=random) if relu != "before" else None
    given = [x.permute(0, 3, 4, 1, 2), weight, shift]
    exact = outcome("grouped", [t if t is None else t.double() for t in given], rows, padding, relu)
    for own, wanted in zip(outcome("fused", given, rows, padding, relu), exact, strict=True):
        assert float((own - wanted).abs().max() / wanted.abs().max()) < 1e-6


@pytest.mark.usefixtures("interpreter")
@pytest.mark.parametrize("relu", ["none", "behind", "before"])
def test_equal_numbers_zeros_and_nan_are_as_torch_has_them(relu: WhereRelu) -> None:
    """The first of equals gets the slope, a maximum of 0 passes ReLU, and NaN wins."""
    x = torch.tensor([[1, 1, 0, 0], [1, 1, 0, 0], [-1, 0, 2, float("nan")], [-1, -1, 3, 1]])[None, None, None]
    given = [x, torch.ones(1, 1, 1, 1, 1), torch.zeros(1, 1)]
    for own, wanted in zip(
        outcome("fused", given, 1, (0, 0), relu), outcome("grouped", given, 1, (0, 0), relu), strict=True
    ):
        torch.testing.assert_close(own, wanted, equal_nan=True, rtol=0, atol=0)


@pytest.mark.usefixtures("interpreter")
def test_the_bits_of_a_row_depend_on_no_other_row_or_image() -> None:
    x, weight = torch.randn(3, 4, 3, 8, 8), torch.randn(4, 5, 3, 3, 3)
    together = get("fused").convolve_and_pool(x, weight, None, (1, 1), "behind")
    alone = get("fused").convolve_and_pool(x[:1, 2:3], weight[2:3], None, (1, 1), "behind")
    assert torch.equal(together[:1, 2:3], alone)


@pytest.mark.usefixtures("interpreter")
def test_its_second_derivative_is_torchs() -> None:
    found = []
    for way in "fused", "grouped":
        x, weight = torch.ones(1, 1, 2, 4, 4), torch.arange(16.0).view(1, 2, 2, 2, 2).requires_grad_()
        y = get(way).convolve_and_pool(x, weight, None, (0, 0), "behind")
        (slope,) = torch.autograd.grad((y**2).sum(), weight, create_graph=True)
        found.append(torch.autograd.grad((slope**2).sum(), weight)[0])
    assert float(found[0].abs().max()) > 0
    torch.testing.assert_close(*found)


@pytest.mark.parametrize(
    ("device", "dtype", "pooled", "triton", "takes"),
    [
        ("cuda", torch.float32, "none", True, True),
        ("cuda", torch.bfloat16, "behind", True, True),
        ("cuda", torch.float64, "none", True, False),
        ("cuda", torch.float32, None, True, False),
        ("cuda", torch.float32, "none", False, False),
        ("cpu", torch.float32, "none", True, False),
    ],
)
def test_it_is_for_poolings_on_a_gpu_with_triton(  # type: ignore[no-untyped-def]
    monkeypatch: pytest.MonkeyPatch, device: str, dtype: torch.dtype, pooled, triton: bool, takes: bool
) -> None:
    class Images:
        is_cuda = device == "cuda"

    own = Images()
    own.dtype = dtype  # type: ignore[attr-defined]
    monkeypatch.setattr(fused, "has_triton", lambda: triton)
    task = ConvolutionTask(1, 6, 5, 28, 28, (2, 2), 1, True, pooled)
    assert get("fused").takes(task, own) is takes  # type: ignore[arg-type]
