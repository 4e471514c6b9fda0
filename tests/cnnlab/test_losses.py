"""Conformance of every loss, and the exact values of each."""

import math

import packing
import pytest
import torch
from torch.nn import functional

from cnnlab import registry
from cnnlab.hyper import declared

NAMES = registry.names("losses")
NUMBERS = [name for name in NAMES if "regression" in registry.get("losses", name).tasks]


def one_hot(scores, y):
    return functional.one_hot(y, scores.shape[1]).to(scores)


REFERENCES = {
    "maximum-a-posteriori": lambda s, y: functional.cross_entropy(
        torch.cat([s, torch.full_like(s[:, :1], -10.0)], 1), y, reduction="none"
    ),
    "square": lambda s, y: functional.mse_loss(s, one_hot(s, y), reduction="none").sum(1),
    "l1": lambda s, y: functional.l1_loss(s, one_hot(s, y), reduction="none").sum(1),
    "huber": lambda s, y: functional.huber_loss(s, one_hot(s, y), reduction="none", delta=1.5).sum(1),
    "softmax": lambda s, y: functional.cross_entropy(s, y, reduction="none"),
    "svm": lambda s, y: s.shape[1] * functional.multi_margin_loss(s, y, reduction="none"),
}


def build(name, rows, dtype=torch.float64, **given):
    entry = registry.get("losses", name)
    h = {n: torch.full((rows,), given.get(n, d.default), dtype=dtype) for n, d in declared(entry).items()}
    return lambda scores, y: entry().value(scores, y, h)


def test_every_loss_of_ours_has_a_reference():
    assert set(REFERENCES) == {*registry.built_in("losses")}


@pytest.mark.parametrize("name", REFERENCES)
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


@pytest.mark.parametrize("name", ["softmax", "svm"])
def test_a_clear_right_answer_costs_nothing(name):
    scores = torch.tensor([[[1000.0, -1000.0]]])
    assert float(build(name, 1, torch.float32)(scores, torch.zeros(1, 1, dtype=torch.int64))) == 0


@pytest.mark.parametrize("name", NUMBERS)
def test_a_number_is_a_target_too(name):
    """Scores (N, K, 1) against numbers (N, K): torch's own of each row; the slope is −dL/dr."""
    g = torch.Generator().manual_seed(5)
    scores = 3 * torch.randn(6, 3, 1, generator=g, dtype=torch.float64)
    y = torch.randn(6, 3, generator=g, dtype=torch.float64)
    plain = {"square": functional.mse_loss, "l1": functional.l1_loss}.get(
        name, lambda s, y, reduction: functional.huber_loss(s, y, reduction=reduction, delta=1.5)
    )
    loss = build(name, 3)
    torch.testing.assert_close(
        loss(scores, y), plain(scores[..., 0], y, reduction="none"), rtol=1e-14, atol=0
    )
    assert torch.autograd.gradcheck(lambda s: loss(s, y), scores.requires_grad_())


def of_error(name, r, **given):
    """Loss and its slope by the answer, of one number that is off by r."""
    answer = torch.zeros(1, 1, 1, dtype=torch.float64, requires_grad=True)
    value = build(name, 1, **given)(answer, torch.tensor([[r]], dtype=torch.float64))
    (slope,) = torch.autograd.grad(value.sum(), answer)
    return float(value.detach()), float(slope)


def test_the_pictures_of_the_notes():
    """Square: 4 at r = 2. Huber: 0.5 at r = 1 and 3.375 at r = 3, so ½r² and δ = 1.5."""
    assert of_error("square", 2.0) == (4, -4)
    assert of_error("l1", 2.0) == (2, -1)
    assert of_error("l1", 0.0) == (0, 0)
    assert of_error("huber", 1.0) == (0.5, -1)
    assert of_error("huber", 3.0) == (3.375, -1.5)
    assert of_error("huber", -3.0) == (3.375, 1.5)


@pytest.mark.parametrize("delta", [0.3, 1.5])
def test_huber_has_no_corner(delta):
    below, above = (of_error("huber", delta + step, delta=delta) for step in (-1e-9, 1e-9))
    assert below == pytest.approx(above, abs=1e-8)
    assert of_error("huber", delta, delta=delta)[0] == pytest.approx(delta**2 / 2)


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


@pytest.mark.parametrize("width", [4, 8, 10])
def test_a_neighbours_loss_moves_no_bit_of_a_loss(width):
    """In float32: a mean of some rows may be rounded otherwise than one of all."""
    rows = [packing.config(precision="float32", loss="softmax") for _ in range(width)]
    array = packing.make(rows)
    g = torch.Generator().manual_seed(7)
    scores, y = torch.randn(5400, width, 10, generator=g), torch.randint(10, (5400, width), generator=g)
    expected = array.loss(scores, y)
    for place in range(width):
        other = [*rows]
        other[place] = packing.config(precision="float32", loss="square")
        found = packing.make(other).loss(scores, y)
        assert torch.equal(found[torch.arange(width) != place], expected[torch.arange(width) != place])
