"""Conformance of every loss, and the exact values of each."""

import math

import packing
import pytest
import torch
from torch.nn import functional

from cnnlab import registry
from cnnlab.hyper import declared

NAMES = registry.names("losses")
REFERENCES = {
    "maximum-a-posteriori": lambda s, y: functional.cross_entropy(
        torch.cat([s, torch.full_like(s[:, :1], -10.0)], 1), y, reduction="none"
    ),
    "softmax": lambda s, y: functional.cross_entropy(s, y, reduction="none"),
    "svm": lambda s, y: s.shape[1] * functional.multi_margin_loss(s, y, reduction="none"),
}


def build(name, rows, dtype=torch.float64, **given):
    entry = registry.get("losses", name)
    h = {n: torch.full((rows,), given.get(n, d.default), dtype=dtype) for n, d in declared(entry).items()}
    return lambda scores, y: entry().value(scores, y, h)


@pytest.mark.parametrize("name", NAMES)
def test_it_equals_torch(name):
    scores = torch.randn(5, 3, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    y = torch.randint(4, (5, 3), generator=torch.Generator().manual_seed(2))
    value = build(name, 3)(scores, y)
    assert value.shape == (5, 3)
    for k in range(3):
        torch.testing.assert_close(
            value[:, k], REFERENCES[name](scores[:, k], y[:, k]), rtol=1e-14, atol=1e-15
        )


@pytest.mark.parametrize("name", NAMES)
def test_the_gradient_is_that_of_the_value(name):
    scores = torch.randn(3, 2, 4, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    y = torch.tensor([[0, 1], [2, 3], [1, 1]])
    loss = build(name, 2)
    assert torch.autograd.gradcheck(lambda s: loss(s, y), scores.requires_grad_())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", NAMES)
def test_large_scores_give_numbers(name, dtype):
    scores = torch.tensor([[[1000.0, -1000.0]], [[-1000.0, 1000.0]]], dtype=dtype).requires_grad_()
    value = build(name, 1, dtype)(scores, torch.zeros(2, 1, dtype=torch.int64))
    (gradient,) = torch.autograd.grad(value.sum(), scores)
    assert value.isfinite().all()
    assert gradient.isfinite().all()
    assert value[0] == 0


@pytest.mark.parametrize("name", NAMES)
def test_a_row_of_nan_is_nan_alone(name):
    scores = torch.zeros(2, 3, 4)
    scores[:, 1] = math.nan
    value = build(name, 3, torch.float32)(scores, torch.zeros(2, 3, dtype=torch.int64))
    assert value[:, 1].isnan().all()
    assert value[:, [0, 2]].isfinite().all()


@pytest.mark.parametrize("name", NAMES)
def test_packing_does_not_matter(name):
    others = [other for other in NAMES if other != name]
    packing.assert_packing_does_not_matter([packing.config(loss=loss) for loss in (name, *others, name)])


@pytest.mark.parametrize("name", NAMES)
def test_neighbours_do_not_matter(name):
    own, *others = [packing.config(precision="float32", loss=loss) for loss in (name, *NAMES, name, name)]
    packing.assert_neighbours_do_not_matter(own, others)


def test_equal_scores():
    scores, y = torch.zeros(1, 1, 10, dtype=torch.float64), torch.zeros(1, 1, dtype=torch.int64)
    assert float(build("softmax", 1)(scores, y)) == pytest.approx(math.log(10))
    assert float(build("svm", 1)(scores, y)) == 9
    assert float(build("svm", 1, margin=0.5)(scores, y)) == 4.5


@pytest.mark.parametrize("j", [0.1, 10.0])
def test_maximum_a_posteriori_is_equation_9(j):
    """The right class at distance 3, the others at 1 and 8, rubbish at j."""
    scores, y = torch.tensor([[[-1.0, -3.0, -8.0]]], dtype=torch.float64), torch.tensor([[1]])
    expected = 3 + math.log(math.exp(-j) + math.exp(-1) + math.exp(-3) + math.exp(-8))
    assert float(build("maximum-a-posteriori", 1, j=j)(scores, y)) == pytest.approx(expected, rel=1e-15)


def test_svm_has_no_slope_at_its_kink():
    scores = torch.tensor([[[1.0, 0.0]]], requires_grad=True)
    value = build("svm", 1, torch.float32)(scores, torch.zeros(1, 1, dtype=torch.int64))
    (gradient,) = torch.autograd.grad(value.sum(), scores)
    assert gradient.tolist() == [[[0, 0]]]
