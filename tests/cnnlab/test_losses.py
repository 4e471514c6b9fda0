"""Conformance of every loss, and the exact values of each."""

import math
import re

import packing
import pytest
import torch
from torch.nn import functional

from cnnlab import registry
from cnnlab.engine.row_groups import group_rows
from cnnlab.errors import ConfigError

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
    "focal": lambda s, y: (
        (1 - s.softmax(1).gather(1, y[:, None])[:, 0]) ** 2 * functional.cross_entropy(s, y, reduction="none")
    ),
    "svm": lambda s, y: s.shape[1] * functional.multi_margin_loss(s, y, reduction="none"),
}


def build(name, rows, dtype=torch.float64, **given):
    entry = registry.get("losses", name)
    choice = registry.resolve("losses", {"name": name, **given}, "train.loss")
    (one,) = group_rows("losses", [choice] * rows, torch.device("cpu"))
    h = {n: own.to(dtype) for n, own in one.hypers.items()}
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


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.9])
@pytest.mark.parametrize("weights", ["none", [1, 0.5, 3, 0]])
def test_smoothing_and_class_weights_are_torchs(smoothing, weights):
    """Value and slope of each image, by torch's cross-entropy without a mean."""
    g = torch.Generator().manual_seed(8)
    scores = torch.randn(7, 2, 4, generator=g, dtype=torch.float64).requires_grad_()
    y = torch.randint(4, (7, 2), generator=g)
    value = build("softmax", 2, smoothing=smoothing, class_weights=weights)(scores, y)
    own = None if weights == "none" else torch.tensor(weights, dtype=torch.float64)
    plain = functional.cross_entropy(
        scores.flatten(0, 1), y.flatten(), own, reduction="none", label_smoothing=smoothing
    )
    torch.testing.assert_close(value, plain.view(7, 2), rtol=1e-14, atol=1e-14)
    slopes = [torch.autograd.grad(each.sum(), scores, retain_graph=True)[0] for each in (value, plain)]
    torch.testing.assert_close(*slopes, rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 5.0])
def test_focal_is_equation_5(gamma):
    g = torch.Generator().manual_seed(9)
    scores = 2 * torch.randn(6, 1, 3, generator=g, dtype=torch.float64)
    y, alpha = torch.randint(3, (6, 1), generator=g), [0.25, 1.0, 2.5]
    found = build("focal", 1, gamma=gamma, class_weights=alpha)(scores, y)
    for n in range(6):
        right = int(y[n, 0])
        p = math.exp(scores[n, 0, right]) / sum(math.exp(score) for score in scores[n, 0])
        assert float(found[n, 0]) == pytest.approx(-alpha[right] * (1 - p) ** gamma * math.log(p), rel=1e-13)


def test_without_focus_the_focal_loss_is_the_softmax_loss():
    scores = torch.randn(5, 1, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    y = torch.tensor([[0], [1], [2], [3], [0]])
    torch.testing.assert_close(build("focal", 1, gamma=0)(scores, y), build("softmax", 1)(scores, y))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("gamma", [0.0, 0.01, 0.5, 1.0, 20.0])
def test_an_image_that_is_surely_right_has_no_slope_in_the_focal_loss(gamma, dtype):
    """The power's own slope is infinite there, below 1."""
    scores = torch.tensor([[[999.0, 0.0]], [[0.0, 999.0]]], dtype=dtype, requires_grad=True)
    value = build("focal", 1, dtype, gamma=gamma)(scores, torch.zeros(2, 1, dtype=torch.int64))
    (slope,) = torch.autograd.grad(value.sum(), scores)
    assert value.tolist() == [[0.0], [999.0]]
    assert slope[0].abs().max() == 0
    assert slope[1, 0].tolist() == pytest.approx([-1, 1])


def test_rows_may_differ_in_smoothing_weights_and_focus():
    tilted = [0.1 * (c + 1) for c in range(10)]
    losses = [
        {"name": "softmax", "smoothing": 0.2},
        "softmax",
        {"name": "softmax", "class_weights": tilted},
        {"name": "focal", "gamma": 0.5, "class_weights": tilted},
        {"name": "focal", "gamma": 3},
    ]
    packing.assert_packing_does_not_matter([packing.config(loss=loss) for loss in losses])
    own, *others = [packing.config(precision="float32", loss=losses[i]) for i in (1, 2, 0, 1)]
    packing.assert_neighbours_do_not_matter(own, others)


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        ("equal", "must be none, balanced or a list with a weight for each class, got 'equal'"),
        ([], "must be none, balanced or a list"),
        (3, "must be none, balanced or a list"),
        ([0, 0], "must have a weight above 0, got [0, 0]"),
        ([1, -1], "must be a number from 0 to 1e+06, got -1"),
        ([1, "2"], "got '2'"),
        ([1, math.nan], "got nan"),
    ],
)
def test_wrong_class_weights_are_refused(weights, words):
    with pytest.raises(ConfigError) as caught:
        packing.config(loss={"name": "softmax", "class_weights": weights})
    assert caught.value.path.startswith("train.loss.class_weights")
    assert words in caught.value.message


@pytest.mark.parametrize(
    ("loss", "words"),
    [
        ({"name": "softmax", "smoothing": 1}, "must be a number from 0 to 0.9999, got 1"),
        ({"name": "softmax", "smoothing": -0.1}, "got -0.1"),
        ({"name": "focal", "gamma": -1}, "must be a number from 0 to 20, got -1"),
        ({"name": "focal", "gama": 1}, "Did you mean 'gamma'?"),
    ],
)
def test_wrong_numbers_of_a_loss_are_refused(loss, words):
    with pytest.raises(ConfigError, match=re.escape(words)):
        packing.config(loss=loss)
