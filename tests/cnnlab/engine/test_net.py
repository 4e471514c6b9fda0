"""A net: its table of parameters, its first weights, and one row by name."""

import pytest
import torch

from cnnlab import resolve
from cnnlab.engine.net import Net, build
from cnnlab.errors import ConfigError
from cnnlab.layer import Context, Mode
from cnnlab.layers.batch_norm import BatchNorm
from cnnlab.layers.flatten import Flatten
from cnnlab.layers.linear import Linear

SEEDS = torch.tensor([1, 2], dtype=torch.int32)


def net(statistics="ema"):
    layers = {"flatten": Flatten(), "first": Linear(6, 3), "norm": BatchNorm(3, statistics)}
    return Net({**layers, "last": Linear(3, 2, bias=False)}, (1, 2, 3))


def test_the_table_places_parameters_one_after_the_other():
    own = net()
    assert [(part.name, part.shape, part.offset) for part in own.table] == [
        ("first.weight", (3, 6), 0),
        ("first.bias", (3,), 18),
        ("norm.weight", (3,), 21),
        ("norm.bias", (3,), 24),
        ("last.weight", (2, 3), 27),
    ]
    assert own.parameters == 33
    assert own.buffered == 6


def test_weights_are_marked_and_nothing_else_is():
    assert net().weights().nonzero()[:, 0].tolist() == [*range(18), *range(27, 33)]


def test_a_rows_first_weights_depend_on_its_seed_alone():
    own = net()
    both, turned = own.start(SEEDS), own.start(SEEDS.flip(0))
    assert both.dtype == torch.float64
    assert torch.equal(both, turned.flip(0))
    assert not torch.equal(both[0], both[1])
    assert both[:, 21:27].tolist() == [[1.0] * 3 + [0.0] * 3] * 2  # scale and shift


def test_one_row_by_name():
    own = net()
    theta, buffers = torch.arange(33.0), torch.arange(6.0)
    named = own.named(theta, buffers)
    assert named["last.weight"].tolist() == [[27.0, 28.0, 29.0], [30.0, 31.0, 32.0]]
    assert named["norm.running_var"].tolist() == [3.0, 4.0, 5.0]
    named["first.weight"].zero_()
    assert theta[5] == 5  # a copy


def test_only_the_population_is_reset():
    own = net("population")
    buffers = own.start_buffers(2)
    first = buffers.clone()
    buffers += 7
    own.reset_population(buffers)
    assert own.needs_population
    assert torch.equal(buffers, first)
    kept = net()
    assert not kept.needs_population
    averages = kept.start_buffers(2) + 7
    kept.reset_population(averages)
    assert averages.eq(kept.start_buffers(2) + 7).all()


def test_predicting_leaves_buffers_alone_and_training_moves_them():
    own = net()
    theta, buffers = own.start(SEEDS), own.start_buffers(2)
    x = torch.randn(5, 2, 1, 2, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    for mode, moved in ((Mode.PREDICT, False), (Mode.TRAIN, True)):
        scores = own.forward(theta, buffers, x, Context({}, frozenset(), SEEDS, SEEDS, mode))
        assert scores.shape == (5, 2, 2)
        assert torch.equal(buffers, own.start_buffers(2)) is not moved


def test_a_model_that_does_not_fit_is_refused():
    config = resolve({"model": "lenet5", "data": {"name": "mnist", "resize": 8}})
    with pytest.raises(ConfigError, match="lenet5 needs images of at least 28×28, got 8×8"):
        build(config)
