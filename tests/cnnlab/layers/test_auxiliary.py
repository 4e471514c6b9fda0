"""Auxiliary classifiers: nothing of them in a prediction, their scores and their gradient in training."""

import pytest
import torch
from torch.nn import functional

from cnnlab.engine.net import Net
from cnnlab.errors import ConfigError
from cnnlab.layer import Context, Mode
from cnnlab.layers.auxiliary import Auxiliary
from cnnlab.layers.conv2d import Conv2d
from cnnlab.layers.dropout import Dropout
from cnnlab.layers.flatten import Flatten
from cnnlab.layers.global_average_pool import GlobalAveragePool
from cnnlab.layers.linear import Linear

ROWS, SHAPE, CLASSES = 3, (2, 5, 5), 4


def head(**more):
    return {"conv": Conv2d(3, 2, 3), "flatten": Flatten(), "linear": Linear(2 * 9, CLASSES), **more}


def net(**more):
    """A net with a head behind its first convolution, which keeps the image's size."""
    trunk = Conv2d(2, 3, 3, (1, 1))
    layers = {"conv": trunk, "aside": Auxiliary(head(**more), "weight"), "pool": GlobalAveragePool()}
    return Net(layers | {"linear": Linear(3, CLASSES)}, SHAPE)


def context(mode=Mode.TRAIN):
    hypers = {"weight": torch.tensor([0.0, 0.3, 2.0], dtype=torch.float64), "rate": torch.full((ROWS,), 0.5)}
    seed = torch.arange(ROWS, dtype=torch.int32)
    return Context(hypers, frozenset(), seed, seed * 0, mode)


def numbers(own):
    x = torch.randn(6, 1, *SHAPE, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    theta = own.start(torch.arange(ROWS, dtype=torch.int32)).requires_grad_()
    return x.expand(-1, ROWS, *SHAPE), theta, own.start_buffers(ROWS)


def by_hand(own, theta, row, x):
    """Return the scores of the net and of the head, in plain torch."""
    p = own.named(theta[row], torch.zeros(own.buffered))
    maps = functional.conv2d(x, p["conv.weight"], p["conv.bias"], padding=1)
    side = functional.conv2d(maps, p["aside.conv.weight"], p["aside.conv.bias"]).flatten(1)
    scores = functional.linear(maps.mean((2, 3)), p["linear.weight"], p["linear.bias"])
    return scores, functional.linear(side, p["aside.linear.weight"], p["aside.linear.bias"])


def loss(scores):
    return functional.cross_entropy(scores, torch.arange(len(scores)) % CLASSES)


def test_training_collects_weights_and_scores():
    own, asked = net(), context()
    x, theta, buffers = numbers(own)
    scores = own.forward(theta, buffers, x, asked)
    [(weight, side)] = asked.auxiliary
    assert torch.equal(weight, asked.hypers["weight"])
    assert side.shape == (6, ROWS, CLASSES)
    for k in range(ROWS):
        expected = by_hand(own, theta, k, x[:, k])
        torch.testing.assert_close((scores[:, k], side[:, k]), expected, rtol=0, atol=1e-12)


def test_its_gradient_flows_into_the_layers_before():
    """The slope of loss + weight · side loss is that of plain torch, row by row, 0.3 and 2 apart."""
    own, asked = net(), context()
    x, theta, buffers = numbers(own)
    scores = own.forward(theta, buffers, x, asked)
    [(weight, side)] = asked.auxiliary
    total = sum(loss(scores[:, k]) + weight[k] * loss(side[:, k]) for k in range(ROWS))
    (slope,) = torch.autograd.grad(total, theta)
    for k in range(ROWS):
        main, aside = by_hand(own, theta, k, x[:, k])
        (expected,) = torch.autograd.grad(loss(main) + weight[k] * loss(aside), theta)
        torch.testing.assert_close(slope[k], expected[k], rtol=0, atol=1e-14)
    without, twice = (
        torch.autograd.grad(loss(by_hand(own, theta, 2, x[:, 2])[0]) * n, theta)[0][2] for n in (1, 2)
    )
    trunk = slice(0, 3 * 2 * 9)
    assert (slope[2, trunk] - without[trunk]).abs().max() > 1e-3
    assert not torch.allclose(slope[2, trunk], twice[trunk])


def test_a_weight_of_nothing_leaves_the_head_as_it_is():
    own, asked = net(), context()
    x, theta, buffers = numbers(own)
    scores = own.forward(theta, buffers, x, asked)
    [(weight, side)] = asked.auxiliary
    total = sum(loss(scores[:, k]) + weight[k] * loss(side[:, k]) for k in range(ROWS))
    (slope,) = torch.autograd.grad(total, theta)
    own_part = torch.cat(
        [part.flatten() for name, part in own.named(slope[0], buffers[0]).items() if "aside" in name]
    )
    assert own_part.eq(0).all()


@pytest.mark.parametrize("mode", [Mode.PREDICT, Mode.POPULATION])
def test_predicting_runs_no_head(mode):
    own, asked = net(), context(mode)
    x, theta, buffers = numbers(own)
    scores = own.forward(theta, buffers, x, asked)
    assert asked.auxiliary == []
    theta.data[:, own.table[2].offset : own.table[6].offset] = torch.nan  # the head's
    assert [part.name.split(".")[0] for part in own.table[1:7]] == ["conv", *["aside"] * 4, "linear"]
    assert torch.equal(own.forward(theta, buffers, x, asked), scores)


def test_the_input_passes_as_it_is():
    layer = Auxiliary({"pool": GlobalAveragePool()}, "weight")
    x = torch.randn(2, 1, *SHAPE).expand(-1, ROWS, *SHAPE)
    for training in (True, False):
        assert layer.forward(x, [], [], context(training)) is x


def test_parameters_count_and_work_does_not():
    layer = Auxiliary(head(), "weight")
    assert sum(torch.Size(part.shape).numel() for part in layer.parameters) == 2 * 3 * 9 + 2 + 4 * 18 + 4
    assert layer.multiply_adds((3, 5, 5)) == layer.connections((3, 5, 5)) == 0
    assert layer.activations((3, 5, 5)) == 2 * 9 + 2 * 9 + CLASSES
    assert layer.output((3, 5, 5)) == (3, 5, 5)


def test_dropout_in_a_head_is_known_and_has_a_place_of_its_own():
    layer = Auxiliary({"drop": Dropout("rate")}, "weight")
    assert layer.random == ("rate",)
    drop = Dropout("rate")
    own, asked = Net({"drop": drop, "aside": layer, "after": drop}, (50,)), context()
    x = torch.ones(40, ROWS, 50)
    y = own.forward(torch.zeros(ROWS, 0), torch.zeros(ROWS, 0), x, asked)
    [(_, side)] = asked.auxiliary
    for kept in (side[:, 1] > 0, y[:, 1] > 0):
        assert 0.2 < kept.double().mean() < 0.3  # two masks of two layers each have to let it pass
    both = (side[:, 1] > 0) & (y[:, 1] > 0)
    assert 0.09 < both.double().mean() < 0.16  # three masks


def test_a_head_that_does_not_fit_is_refused():
    with pytest.raises(ConfigError, match="does not fit maps of 2×2"):
        Auxiliary(head(), "weight").output((3, 2, 2))
