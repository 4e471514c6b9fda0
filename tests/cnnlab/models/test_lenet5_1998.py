"""LeNet-5 of 1998: the paper's counts, layer by layer, and the paper's loss going down."""

import math

import packing
import pytest
import torch

from cnnlab import registry
from cnnlab.engine.net import Net
from cnnlab.errors import ConfigError
from cnnlab.models.lenet5_1998 import TABLE

COUNTS = {  # parameters and links
    "c1": (156, 122_304), "s2": (12, 5_880), "c3": (1_516, 151_600), "s4": (32, 2_000),
    "c5": (48_120, 48_120), "f6": (10_164, 10_164), "rbf": (0, 840),
}  # fmt: skip


def layers(shape=(1, 32, 32), classes=10):
    config = registry.resolve("models", "lenet5-1998", "model")
    return registry.get("models", "lenet5-1998")().layers(config, shape, classes)


@pytest.mark.parametrize("side", [28, 32])
def test_counts_of_the_paper(side):
    shape, found = (1, side, side), {}
    for name, layer in layers(shape).items():
        found[name] = (sum(math.prod(p.shape) for p in layer.parameters), layer.connections(shape))
        shape = layer.output(shape)
    assert {name: counts for name, counts in found.items() if any(counts)} == COUNTS
    net = Net(layers((1, side, side)), (1, side, side))
    assert (net.parameters, net.work.connections, net.work.multiply_adds) == (60_000, 340_908, 328_096)


def test_the_table_is_the_papers():
    """Table I by its rows: which maps of C3 see a map of S2."""
    rows = [[o for o, maps in enumerate(TABLE) if i in maps] for i in range(6)]
    assert rows == [
        [0, 4, 5, 6, 9, 10, 11, 12, 14, 15],
        [0, 1, 5, 6, 7, 10, 11, 12, 13, 15],
        [0, 1, 2, 6, 7, 8, 11, 13, 14, 15],
        [1, 2, 3, 6, 7, 8, 9, 12, 14, 15],
        [2, 3, 4, 7, 8, 9, 10, 12, 13, 15],
        [3, 4, 5, 8, 9, 10, 11, 13, 14, 15],
    ]
    assert sum(map(len, TABLE)) == 60


def test_weights_start_within_the_papers_bounds():
    array = packing.make([packing.config("lenet5-1998")])
    for name, value in array.net.named(array.theta[0], array.buffers[0]).items():
        own = next(parameter for parameter in array.net.table if parameter.name == name)
        assert value.abs().max() < 2.4 / own.fan_in
        if value.numel() > 100:
            assert value.abs().max() > 2.3 / own.fan_in


def test_it_learns_with_the_papers_loss():
    config = packing.config(
        "lenet5-1998", loss="maximum-a-posteriori", optimizer={"name": "adam", "lr": 0.003}
    )
    array = packing.make([config] * 2, metrics=("acc",))
    losses = torch.stack([array.step(*packing.batch(array, 0)).loss for _ in range(60)])
    assert (losses[-1] < 0.2 * losses[0]).all()
    x, y = packing.batch(array, 0)
    assert (array.predict(x) <= 0).all()
    assert (array.evaluate(x, y).measured["acc"] == packing.IMAGES).all()


@pytest.mark.parametrize("shape", [(1, 27, 28), (1, 28, 36)])
def test_other_sizes_are_refused(shape):
    with pytest.raises(ConfigError, match="lenet5-1998 needs images of 28×28 to 35×35"):
        layers(shape)


def test_the_largest_image_fits():
    assert Net(layers((3, 35, 35)), (3, 35, 35)).parameters == 60_000 + 2 * 6 * 25


def test_eleven_classes_are_refused():
    with pytest.raises(ConfigError, match="1 to 10 classes, got 11"):
        layers(classes=11)
