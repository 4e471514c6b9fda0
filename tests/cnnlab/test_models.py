"""Conformance of every model, and the counts that books give."""

import math

import packing
import pytest
import torch

from cnnlab import registry
from cnnlab.errors import ConfigError

NAMES = tuple(packing.SHAPE)  # those that are small enough to be trained here


def layers(name, shape, classes=10, **hypers):
    config = registry.resolve("models", {"name": name, **hypers}, "model")
    return registry.get("models", name)().layers(config, shape, classes)


def count(name, shape, **hypers):
    return sum(
        math.prod(parameter.shape)
        for layer in layers(name, shape, **hypers).values()
        for parameter in layer.parameters
    )


def test_lenet5_has_61706_parameters():
    assert count("lenet5", (1, 28, 28)) == 61_706
    assert count("lenet5", (1, 32, 32)) == 61_706
    assert count("lenet5", (3, 32, 32)) == 62_006
    assert count("lenet5", (3, 28, 28)) == 62_006


def test_lenet5_does_416520_multiply_adds():
    assert packing.make([packing.config("lenet5")]).net.work.multiply_adds == 416_520


def test_batch_normalization_takes_the_place_of_biases():
    features = 6 + 16 + 120 + 84
    assert count("lenet5", (1, 28, 28), norm="batch") == 61_706 + features
    assert count("mlp", (1, 28, 28), hidden="100-100-100", norm="batch") == 99_710 + 300


def test_mlps_of_the_papers():
    assert count("mlp", (1, 28, 28), hidden="1024-1024-1024") == 2_913_290
    assert count("mlp", (1, 28, 28), hidden="1024-1024-2048") == 3_973_130
    assert count("mlp", (1, 28, 28), hidden="8192-8192") == 73_629_706
    assert count("mlp", (1, 28, 28), hidden="100-100-100") == 99_710
    assert count("mlp", (1, 28, 28), hidden=[]) == 7_850


def test_maxout_of_the_paper():
    assert count("maxout", (1, 28, 28)) == 1_233_610
    assert count("maxout", (1, 28, 28), norm="batch") == 1_233_610 + 2 * 5 * 240  # a scale, for no bias


def test_maxout_drops_inputs_of_the_linear_maps_only():
    chain = [type(layer).__name__ for layer in layers("maxout", (1, 28, 28)).values()]
    assert chain == ["Flatten", *["Dropout", "Linear", "Maxout"] * 2, "Dropout", "Linear"]


@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 27, 40), (3, 28, 27)])
def test_lenet5_refuses_small_images(shape):
    with pytest.raises(
        ConfigError, match=f"lenet5 needs images of at least 28×28, got {shape[1]}×{shape[2]}"
    ):
        layers("lenet5", shape)


@pytest.mark.parametrize("loss", registry.names("losses"))
@pytest.mark.parametrize("name", [name for name in NAMES if name != "lenet5-1998"])  # scores: −distances
def test_an_untrained_net_knows_nothing(name, loss):
    """Scores near 0: the loss is that of equal scores, ln 10 for softmax and 9 for the margin loss.

    Sums over residual blocks have the larger scores.
    """
    array = packing.make([packing.config(name, loss=loss)] * 3)
    value = packing.train(array, 1)[0]
    rubbish = math.log(10 + math.exp(-10))
    expected = {"maximum-a-posteriori": rubbish, "softmax": math.log(10), "svm": 9}[loss]
    assert (value - expected).abs().max() < 0.3 * expected


@pytest.mark.parametrize("norm", ["none", "batch"])
@pytest.mark.parametrize("name", NAMES)
def test_packing_does_not_matter(name, norm):
    packing.assert_packing_does_not_matter(
        [
            packing.config(name, hypers={"norm": norm, "dropout": p}, optimizer={"name": "sgd", "lr": 0.01})
            for p in (0.0, 0.5, 0.2)
        ],
        steps=4,
    )


@pytest.mark.parametrize("norm", ["none", "batch"])
@pytest.mark.parametrize("name", NAMES)
def test_neighbours_do_not_matter(name, norm):
    own, *others = [
        packing.config(name, "float32", hypers={"norm": norm, "dropout": p}) for p in (0.5, 0, 0.2, 1)
    ]
    packing.assert_neighbours_do_not_matter(own, others)


@pytest.mark.parametrize("name", NAMES)
def test_it_learns(name):
    lr = 0.01 if name in ("mlp", "maxout") else 0.003  # squashed units of LeNet-5 would stick at their ends
    array = packing.make([packing.config(name, optimizer={"name": "adam", "lr": lr})] * 2)
    losses = torch.stack([array.step(*packing.batch(array, 0)).loss for _ in range(60)])
    assert (losses[-1] < 0.2 * losses[0]).all()


@pytest.mark.parametrize("name", NAMES)
def test_the_table_covers_a_row_exactly(name):
    net = packing.make([packing.config(name, hypers={"norm": "batch"})]).net
    end = 0
    for parameter in net.table:
        assert parameter.offset == end
        end += math.prod(parameter.shape)
        assert parameter.role in ("weight", "bias", "scale", "shift")
    assert end == net.parameters
    assert len({parameter.name for parameter in net.table}) == len(net.table)
    weights = [p for p in net.table if p.role == "weight"]
    assert all(p.fan_in * p.shape[p.unit_axis] == math.prod(p.shape) for p in weights)
    assert int(net.weights().sum()) == sum(math.prod(p.shape) for p in weights)
