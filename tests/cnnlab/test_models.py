"""Conformance of every model, and the counts that books give."""

import math

import packing
import pytest
import torch
from torch.nn import functional

from cnnlab import registry
from cnnlab.engine.net import Net
from cnnlab.errors import ConfigError
from cnnlab.layer import Context, Mode
from cnnlab.layers.dropout import Dropout

NAMES = tuple(packing.SHAPE)  # those that are small enough to be trained here
EQUAL = {  # losses of equal scores
    "maximum-a-posteriori": math.log(10 + math.exp(-10)),
    "softmax": math.log(10),
    "svm": 9,
}
LISTED = "must be 0 or at least 3, the widths that model.hidden lists, got 2"


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
    net = packing.make([packing.config("lenet5")]).net
    assert net.work.multiply_adds == 416_520
    assert net.work.connections == 416_520 + 6 * 28 * 28 + 16 * 10 * 10 + 120 + 84 + 10


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


def test_hidden_layers_beyond_the_list_have_its_last_width():
    assert count("mlp", (1, 28, 28), hidden=100, depth=3) == 99_710
    assert count("mlp", (1, 28, 28), hidden=[100, 50], depth=4) == 78_500 + 5_050 + 2 * 2_550 + 510
    assert count("mlp", (1, 28, 28), hidden=[100, 50], depth=2) == 78_500 + 5_050 + 510
    assert count("mlp", (1, 28, 28), hidden="none") == 7_850


@pytest.mark.parametrize(
    ("hypers", "words"),
    [
        (
            {"hidden": [9, 9, 9], "depth": 2},
            LISTED,
        ),
        ({"hidden": [], "depth": 2}, "must be 0 where model.hidden has no layer, got 2"),
        ({"depth": 17}, "must be an integer from 0 to 16, got 17"),
        ({"depth": -1}, "must be an integer from 0 to 16, got -1"),
    ],
)
def test_a_depth_that_contradicts_the_list_is_refused(hypers, words):
    with pytest.raises(ConfigError) as caught:
        count("mlp", (1, 28, 28), **hypers)
    assert (caught.value.path, caught.value.message) == ("model.depth", words)


def test_maxout_of_the_paper():
    assert count("maxout", (1, 28, 28)) == 1_233_610
    assert count("maxout", (1, 28, 28), norm="batch") == 1_233_610 + 2 * 5 * 240  # a scale, for no bias


def test_maxout_drops_inputs_of_the_linear_maps_only():
    chain = [type(layer).__name__ for layer in layers("maxout", (1, 28, 28)).values()]
    assert chain == ["Flatten", *["Dropout", "Linear", "Maxout"] * 2, "Dropout", "Linear"]


def test_maxout_convolutions():
    """By hand, with the sizes that the authors published for CIFAR-10, and what the images' size decides."""
    shape = (3, 32, 32)
    first, second, third = 96 * 2 * (3 * 64 + 1), 192 * 2 * (96 * 64 + 1), 192 * 2 * (192 * 25 + 1)
    dense = 2500 * (192 * 16 + 1) + 10 * 501
    published = {"maps": "96-192-192", "hidden": "500"}
    assert count("maxout-conv", shape, **published) == first + second + third + dense == 11_927_830
    assert count("maxout-conv", (1, 28, 28)) == count("maxout-conv", (1, 32, 32)) == 823_306
    assert count("maxout-conv", shape) == 823_306 + 2 * 96 * 64
    assert count("maxout-conv", (1, 28, 28), maps=[]) == count("maxout", (1, 28, 28), hidden=[240])
    assert count("maxout-conv", (1, 28, 28), norm="batch") == 823_306 + 96 + 96 + 48 + 1200
    sizes, at = [], shape
    for name, layer in layers("maxout-conv", shape).items():
        at = layer.output(at)
        sizes += [at] if name.startswith("pool") else []
    assert sizes == [(48, 15, 15), (48, 6, 6), (24, 4, 4)]


def test_maxout_convolutions_drop_inputs_of_linear_maps_only():
    chain = [type(layer).__name__ for layer in layers("maxout-conv", (1, 28, 28)).values()]
    convolutions = ["Dropout", "Conv2d", "Maxout", "MaxPool2d"] * 3
    assert chain == [*convolutions, "Dropout", "Flatten", "Linear", "Maxout", "Dropout", "Linear"]


@pytest.mark.parametrize(("name", "units"), [("mlp", 2), ("maxout", 2), ("lenet5", 2), ("maxout-conv", 4)])
def test_pixels_and_units_are_dropped_in_the_form_that_is_asked_for(name, units):
    for scale in ("train", "predict"):
        chain = layers(name, (1, 28, 28), dropout_scale=scale).values()
        drops = [(layer.path, layer.scale) for layer in chain if isinstance(layer, Dropout)]
        assert drops == [("model.input_dropout", scale)] + [("model.dropout", scale)] * units


def predict(net, theta, x, training=False, **rates):
    """Return the scores (N, classes) of one row."""
    hypers = {f"model.{name}": torch.tensor([rate], dtype=torch.float64) for name, rate in rates.items()}
    one = torch.ones(1, dtype=torch.int32)
    idle = frozenset(path for path, rate in hypers.items() if not rate)
    own = Context(hypers, idle, one, one, Mode.TRAIN if training else Mode.PREDICT)
    return net.forward(theta, net.start_buffers(1), x[:, None], own)[:, 0]


def lenet(**hypers):
    """A LeNet-5 of 28×28, its first weights, images."""
    net = Net(layers("lenet5", (1, 28, 28), **hypers), (1, 28, 28))
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(4, 1, 28, 28, generator=generator, dtype=torch.float64)
    return net, net.start(torch.tensor([3], dtype=torch.int32)), x


POOLINGS = {  # of what an activation gives, as textbooks have it
    "max": lambda a: functional.max_pool2d(a, 2),
    "min": lambda a: -functional.max_pool2d(-a, 2),
    "average": lambda a: functional.avg_pool2d(a, 2),
    "sum": lambda a: functional.avg_pool2d(a, 2, divisor_override=1),
}


@pytest.mark.parametrize("flip", ["no", "yes"])
@pytest.mark.parametrize("pooling", POOLINGS)
def test_lenet5_equals_plain_torch(pooling, flip):
    """Pooling behind the activation, whatever the order is in which the net computes it."""
    net, theta, x = lenet(pooling=pooling, flip=flip)
    p = net.named(theta[0], torch.zeros(0))
    pool = POOLINGS[pooling]

    def conv(a, name, padding):
        weight = p[f"{name}.weight"]
        return functional.conv2d(
            a, weight.flip(2, 3) if flip == "yes" else weight, p[f"{name}.bias"], padding=padding
        )

    a = pool(conv(x, "conv1", 2).relu())
    a = pool(conv(a, "conv2", 0).relu()).flatten(1)
    for name in ("linear3", "linear4"):
        a = functional.linear(a, p[f"{name}.weight"], p[f"{name}.bias"]).relu()
    expected = functional.linear(a, p["linear5.weight"], p["linear5.bias"])
    scores = predict(net, theta, x, input_dropout=0.0, dropout=0.0)
    torch.testing.assert_close(scores, expected, rtol=0, atol=1e-12)


def test_lenet5_drops_pixels_and_units_apart():
    """All pixels gone: every image is the same. The net's form decides when 1 − p is multiplied."""
    net, theta, x = lenet()
    gone = predict(net, theta, x, training=True, input_dropout=1.0, dropout=0.0)
    assert gone.std(0).max() < 1e-15
    torch.testing.assert_close(
        gone[0], predict(net, theta, 0 * x, input_dropout=0.0, dropout=0.0)[0], rtol=0, atol=1e-15
    )
    same = predict(net, theta, x, input_dropout=0.5, dropout=0.0)
    assert torch.equal(same, predict(net, theta, x, input_dropout=0.0, dropout=0.0))
    net, theta, x = lenet(dropout_scale="predict")
    half = predict(net, theta, x, input_dropout=0.5, dropout=0.0)
    torch.testing.assert_close(
        half, predict(net, theta, x / 2, input_dropout=0.0, dropout=0.0), rtol=0, atol=1e-12
    )
    p = net.named(theta[0], torch.zeros(0))
    units = predict(net, theta, x, input_dropout=0.0, dropout=1.0)
    torch.testing.assert_close(units, p["linear5.bias"].expand(4, 10), rtol=0, atol=1e-15)


@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 27, 40), (3, 28, 27)])
def test_lenet5_refuses_small_images(shape):
    with pytest.raises(
        ConfigError, match=f"lenet5 needs images of at least 28×28, got {shape[1]}×{shape[2]}"
    ):
        layers("lenet5", shape)


@pytest.mark.parametrize("loss", EQUAL)
@pytest.mark.parametrize("name", [name for name in NAMES if name != "lenet5-1998"])  # scores: −distances
def test_an_untrained_net_guesses(name, loss):
    """Scores near 0: the loss is that of equal scores, ln 10 for softmax and 9 for the margin loss.

    The rule of He et al. gives residual nets scores of about 1.
    """
    array = packing.make([packing.config(name, loss=loss)] * 3)
    value = packing.train(array, 1)[0]
    slack = 0.5 if name in ("cifar-resnet", "wide-resnet") else 0.3
    assert (value - EQUAL[loss]).abs().max() < slack * EQUAL[loss]


@pytest.mark.long
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


@pytest.mark.long
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
