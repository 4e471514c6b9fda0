"""The nets of ImageNet: parameters and multiply-adds as published, numbers as in plain torch."""

import math

import packing
import plain_nets
import pytest
import torch

from cnnlab import registry, resolve
from cnnlab.engine.array import Array
from cnnlab.engine.net import Net
from cnnlab.errors import ConfigError
from cnnlab.layer import Context, Mode

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
    ("googlenet", {"auxiliary": "yes"}, IMAGENET, 13_378_280, 1_583),
]


def build(name, hypers, data):
    shape, classes = data
    config = registry.resolve("models", {"name": name, **hypers}, "model")
    return Net(registry.get("models", name)().layers(config, shape, classes), shape)


def names():
    return [f"{name} {' '.join(hypers.values())} {data[0][1]}" for name, hypers, data, *_ in COUNTS]


@pytest.mark.long
@pytest.mark.parametrize(("name", "hypers", "data", "parameters", "millions"), COUNTS, ids=names())
def test_counts_and_the_shape_of_scores(name, hypers, data, parameters, millions):
    """Forward runs on the meta device: shapes without numbers; a prediction has no classifiers aside."""
    net = build(name, hypers, data)
    assert net.parameters == parameters
    if millions is not None:
        assert net.work.multiply_adds / 1e6 == pytest.approx(millions, abs=0.5)  # as printed
    one = torch.zeros(1, dtype=torch.int32, device="meta")
    context = Context({"model.activation": one}, frozenset(), one, one, Mode.PREDICT)
    theta, buffers = (torch.zeros(1, n, device="meta") for n in (net.parameters, net.buffered))
    x = torch.zeros(2, 1, *data[0], device="meta")
    assert net.forward(theta, buffers, x, context).shape == (2, 1, data[1])


def test_every_model_is_trained_or_counted():
    """Those of timm have tests of their own, as not every machine has them."""
    own = {name for name, *_ in COUNTS} | set(packing.SHAPE)
    assert own | {"timm"} == set(registry.names("models"))


@pytest.mark.parametrize("name", sorted({name for name, *_ in COUNTS}))
def test_small_grey_images_fit(name):
    net = build(name, {}, ((1, 28, 28), 10))
    assert net.work.multiply_adds == build(name, {}, ((1, 32, 32), 10)).work.multiply_adds


def test_classifiers_aside_are_of_large_images_only():
    words = r"must be no for images under 128×128, .* got yes for 32×100"
    with pytest.raises(ConfigError, match=words) as caught:
        build("googlenet", {"auxiliary": "yes"}, ((3, 32, 100), 10))
    assert caught.value.path == "model.auxiliary"
    assert len(build("googlenet", {"auxiliary": "yes"}, ((3, 128, 128), 10)).table) == 128


def test_where_googlenet_has_classifiers_aside_and_what_is_dropped():
    net = build("googlenet", {"auxiliary": "yes"}, IMAGENET)
    names = list(net.layers)
    before = {name: names[i - 1] for i, name in enumerate(names) if name.startswith("auxiliary")}
    assert before == {"auxiliary4a": "block4a", "auxiliary4d": "block4d"}
    assert net.chain.random == ("model.auxiliary_dropout", "model.auxiliary_dropout", "model.dropout")


SMALL, MIDDLE = ((3, 32, 32), 10), ((3, 128, 128), 10)
PLAIN = {
    "resnet-18": ("resnet", {}, ((3, 64, 64), 10), lambda x, p: plain_nets.resnet(x, p, (2, 2, 2, 2))),
    "resnet-50": ("resnet", {"depth": "50"}, SMALL, lambda x, p: plain_nets.resnet(x, p, (3, 4, 6, 3))),
    "vgg-a": ("vgg", {}, SMALL, plain_nets.vgg),
    "vgg-c": ("vgg", {"configuration": "C", "norm": "none", "head": "full"}, SMALL, plain_nets.vgg),
    "alexnet": (
        "alexnet", {"groups": "two"}, ((3, 131, 131), 10),
        lambda x, p: plain_nets.alexnet(x, p, 4, 0, 2),
    ),
    "alexnet-32": ("alexnet", {}, SMALL, lambda x, p: plain_nets.alexnet(x, p, 1, 2, 1)),
    "googlenet": ("googlenet", {}, MIDDLE, lambda x, p: plain_nets.googlenet(x, p)[0]),
    "googlenet-32": ("googlenet", {}, SMALL, lambda x, p: plain_nets.googlenet(x, p)[0]),
}  # fmt: skip


def context(training=False):
    hypers = dict.fromkeys(("dropout", "auxiliary_dropout"), torch.zeros(1))
    hypers["auxiliary_weight"] = torch.tensor([0.3])
    idle = frozenset({"model.dropout", "model.auxiliary_dropout"})
    one = torch.ones(1, dtype=torch.int32)
    return Context(
        {f"model.{name}": value for name, value in hypers.items()},
        idle,
        one,
        one,
        Mode.TRAIN if training else Mode.PREDICT,
    )


@pytest.mark.long
@pytest.mark.parametrize("kind", PLAIN)
def test_predictions_are_those_of_plain_torch(kind):
    """Same weights and statistics, in float64."""
    name, hypers, data, plain = PLAIN[kind]
    net = build(name, hypers, data)
    theta, buffers = plain_nets.weights(net)
    x = torch.randn(2, *data[0], generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    scores = net.forward(theta, buffers, x[:, None], context())[:, 0]
    expected = plain(x, net.named(theta[0], buffers[0]))
    assert expected.std() > 0.01
    torch.testing.assert_close(scores, expected, rtol=1e-10, atol=1e-10)


def test_classifiers_aside_score_as_in_plain_torch():
    net = build("googlenet", {"auxiliary": "yes"}, MIDDLE)
    theta, buffers = plain_nets.weights(net)
    x = torch.randn(2, *MIDDLE[0], generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    asked = context(training=True)
    scores = net.forward(theta, buffers, x[:, None], asked)
    expected = plain_nets.googlenet(x, net.named(theta[0], buffers[0]))
    assert [float(weight) for weight, _ in asked.auxiliary] == [pytest.approx(0.3)] * 2
    found = [scores, *(side for _, side in asked.auxiliary)]
    for mine, other in zip(found, expected, strict=True):
        torch.testing.assert_close(mine[:, 0], other, rtol=1e-10, atol=1e-10)


def trials(name, data, rows, precision="float64"):
    """Return a net and configs that differ in learning rate and in hyperparameters of the model."""
    configs = [
        resolve(
            {
                "model": {"name": name, **hypers},
                "data": "mnist",
                "train": {"precision": precision, "optimizer": {"name": "momentum", "lr": 1e-3 * k}},
            }
        )
        for k, hypers in enumerate(rows, 1)
    ]
    return build(name, rows[0], data), configs


def batch(data, images, rows, dtype):
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(images, 1, *data[0], generator=generator, dtype=torch.float64).to(dtype)
    y = torch.randint(data[1], (images, 1), generator=generator)
    return x.expand(-1, rows, -1, -1, -1), y.expand(-1, rows)


@pytest.mark.long
@pytest.mark.parametrize("kind", ["resnet-18", "vgg-a", "alexnet-32", "googlenet-32"])
def test_two_rows_train_as_each_alone(kind):
    """Two steps of two images in float64: weights, buffers and scores to 1e-10."""
    name, hypers, data, _ = PLAIN[kind]
    net, configs = trials(name, data, [hypers] * 2)
    together = Array(net, configs, [1, 2])
    start = together.theta.clone()
    scores = []
    for k in (None, 1):
        own = together if k is None else Array(net, configs[k:], [2])
        x, y = batch(data, 2, len(own), torch.float64)
        for _ in range(2):
            own.step(x, y)
        scores.append(own.predict(x)[:, -1])
        if k is not None:
            torch.testing.assert_close(own.theta[0], together.theta[k], rtol=0, atol=1e-10)
            torch.testing.assert_close(own.buffers[0], together.buffers[k], rtol=0, atol=1e-10)
    torch.testing.assert_close(*scores, rtol=1e-10, atol=1e-10)
    assert (together.theta - start).abs().amax(1).min() > 1e-6


def test_googlenet_with_its_classifiers_takes_a_step():
    """At its full size: the loss is about that of 1,000 equal scores, and every parameter moves."""
    hypers = {"auxiliary": "yes", "dropout": 0.0, "auxiliary_dropout": 0.0}
    net, configs = trials("googlenet", IMAGENET, [hypers], "float32")
    own = Array(net, configs, [1])
    start = own.theta.clone()
    x, y = batch(IMAGENET, 1, 1, torch.float32)
    loss = own.step(x, y).loss
    assert float(loss) == pytest.approx(math.log(1000), rel=0.3)
    moved = net.named((own.theta - start)[0].abs(), own.buffers[0])
    assert all(float(part.max()) > 0 for part in moved.values())


def test_rows_weigh_their_classifiers_aside():
    """A weight of 0 leaves the classifiers as they were and moves the rest as a net without them."""
    rows = [{"auxiliary": "yes", "dropout": 0.0, "auxiliary_weight": weight} for weight in (0.0, 0.3)]
    net, configs = trials("googlenet", MIDDLE, rows, "float32")
    own = Array(net, configs, [1, 1])
    start = own.theta.clone()
    own.step(*batch(MIDDLE, 1, 2, torch.float32))
    for k, expected in enumerate((0, 1)):
        moved = net.named((own.theta - start)[k].abs(), own.buffers[k])
        aside = [float(part.max()) > 0 for name, part in moved.items() if name.startswith("auxiliary")]
        assert aside == [bool(expected)] * 12
        assert float(moved["conv1.weight"].max()) > 0
    first = [net.named(own.theta[k] - start[k], own.buffers[k])["conv1.weight"] for k in (0, 1)]
    assert (first[1] / 2 - first[0]).abs().max() > 0.01 * first[0].abs().max()  # lr is twice that of row 0
