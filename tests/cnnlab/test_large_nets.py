"""The nets of ImageNet, on paper only: parameters and multiply-adds as published."""

import packing
import pytest
import torch

from cnnlab import registry
from cnnlab.layer import Context
from cnnlab.net import Net

IMAGENET, CIFAR = ((3, 224, 224), 1000), ((3, 32, 32), 10)
COUNTS = [
    ("resnet", {"depth": "18"}, IMAGENET, 11_689_512, 1_814),
    ("resnet", {"depth": "34"}, IMAGENET, 21_797_672, 3_664),
    ("resnet", {"depth": "50"}, IMAGENET, 25_557_032, 3_858),
    ("resnet", {"depth": "50", "stride_on": "3x3"}, IMAGENET, 25_557_032, 4_089),
    ("resnet", {"depth": "101"}, IMAGENET, 44_549_160, 7_570),
    ("resnet", {"depth": "152"}, IMAGENET, 60_192_808, 11_282),
    ("resnet", {"depth": "18", "shortcut": "A"}, IMAGENET, 11_515_688, None),
    ("resnet", {"depth": "34", "shortcut": "A"}, IMAGENET, 21_623_848, None),
    ("resnet", {"depth": "18", "residual": "no"}, IMAGENET, 11_515_688, None),
    ("resnet", {"depth": "34", "residual": "no"}, IMAGENET, 21_623_848, None),
    ("vgg", {"configuration": "A", "norm": "none", "head": "full"}, IMAGENET, 132_863_336, 7_609),
    ("vgg", {"configuration": "B", "norm": "none", "head": "full"}, IMAGENET, 133_047_848, 11_308),
    ("vgg", {"configuration": "C", "norm": "none", "head": "full"}, IMAGENET, 133_638_952, 11_771),
    ("vgg", {"configuration": "D", "norm": "none", "head": "full"}, IMAGENET, 138_357_544, 15_470),
    ("vgg", {"configuration": "E", "norm": "none", "head": "full"}, IMAGENET, 143_667_240, 19_632),
    ("vgg", {"configuration": "A", "head": "full"}, IMAGENET, 132_868_840, None),
    ("vgg", {"configuration": "B", "head": "full"}, IMAGENET, 133_053_736, None),
    ("vgg", {"configuration": "D", "head": "full"}, IMAGENET, 138_365_992, None),
    ("vgg", {"configuration": "E", "head": "full"}, IMAGENET, 143_678_248, None),
    ("vgg", {"configuration": "A"}, CIFAR, 9_231_114, 153),
    ("vgg", {"configuration": "B"}, CIFAR, 9_416_010, 228),
    ("vgg", {"configuration": "D"}, CIFAR, 14_728_266, 313),
    ("vgg", {"configuration": "E"}, CIFAR, 20_040_522, 398),
    ("alexnet", {}, ((3, 227, 227), 1000), 62_378_344, 1_135),
    ("alexnet", {"groups": "two"}, ((3, 227, 227), 1000), 60_965_224, 724),
    ("alexnet", {"groups": "two"}, IMAGENET, 60_965_224, 724),
    ("alexnet", {}, CIFAR, 5_871_434, 182),
    ("googlenet", {}, IMAGENET, 6_998_552, 1_583),
    ("googlenet", {}, CIFAR, 5_871_914, 1_447),
]


def build(name, hypers, data):
    shape, classes = data
    config = registry.resolve("models", {"name": name, **hypers}, "model")
    return Net(registry.get("models", name)().layers(config, shape, classes), shape)


def names():
    return [f"{name} {' '.join(hypers.values())} {data[0][1]}" for name, hypers, data, *_ in COUNTS]


@pytest.mark.parametrize(("name", "hypers", "data", "parameters", "millions"), COUNTS, ids=names())
def test_counts_and_the_shape_of_scores(name, hypers, data, parameters, millions):
    """Forward runs on the meta device: shapes without numbers."""
    net = build(name, hypers, data)
    assert net.parameters == parameters
    if millions is not None:
        assert net.work.multiply_adds / 1e6 == pytest.approx(millions, abs=0.6)
    one = torch.zeros(1, dtype=torch.int32, device="meta")
    context = Context({"model.activation": one}, frozenset(), one, one, training=False)
    theta, buffers = (torch.zeros(1, n, device="meta") for n in (net.parameters, net.buffered))
    x = torch.zeros(2, 1, *data[0], device="meta")
    assert net.forward(theta, buffers, x, context).shape == (2, 1, data[1])


def test_every_model_is_trained_or_counted():
    assert {name for name, *_ in COUNTS} | set(packing.SHAPE) == set(registry.names("models"))


@pytest.mark.parametrize("name", sorted({name for name, *_ in COUNTS}))
def test_small_grey_images_fit(name):
    net = build(name, {}, ((1, 28, 28), 10))
    assert net.work.multiply_adds == build(name, {}, ((1, 32, 32), 10)).work.multiply_adds
