"""The plain net of a trial: the loss and gradient of its row, by modules of torch alone."""

import pytest
import torch
from exported_nets import LARGE, NETS, SERIES, SLOW
from own_nets import SHAPE, config, net, write
from torch import nn
from torch.nn.functional import cross_entropy

from cnnlab import resolve
from cnnlab.engine.array import Array
from cnnlab.engine.net import Net, build
from cnnlab.errors import CnnlabError
from cnnlab.layer import Layer
from cnnlab.layers.auxiliary import Auxiliary
from cnnlab.layers.conv2d import Conv2d
from cnnlab.layers.flatten import Flatten
from cnnlab.layers.linear import Linear
from cnnlab.plain_net import WithHead, plain_net

pytestmark = pytest.mark.compiled
LONG = SLOW | {"googlenet"}
EACH = [pytest.param(name, marks=[pytest.mark.long] * (name in LONG)) for name in NETS]
IMAGES = 4


def without_dropout(model, data):
    """A resolved config in float64 in which nothing is random."""
    config = resolve({"model": model, "data": data, "train": {"precision": "float64"}})
    for path in build(config).random:
        *_, name = path.split(".")
        if name in config["model"]:
            config["model"][name] = 0.0
    return config


def images(net):
    """A batch of made-up images and their classes."""
    generator = torch.Generator().manual_seed(3)
    x = torch.randn(IMAGES, *net.shape, generator=generator, dtype=torch.float64)
    classes = net.chain.output(net.shape)[0]
    return x, torch.randint(classes, (IMAGES,), generator=generator)


def loss_of(model, x, y):
    total = cross_entropy(model(x), y)
    for each in model.modules():
        if isinstance(each, WithHead):
            total = total + each.weight * cross_entropy(each.scores, y)
    return total


@pytest.mark.parametrize("name", EACH)
def test_loss_and_gradient_are_those_of_the_row(name):
    given = without_dropout(*NETS[name])
    array = Array(build(given), [given], [5])
    x, y = images(array.net)
    gradient = torch.zeros_like(array.theta)
    passed = array.whole.differentiate(array.theta, array.buffers, x[:, None], y[:, None], 0, gradient)
    model = plain_net(array.net, given, 5, torch.float64)
    loss = loss_of(model, x, y)
    loss.backward()
    assert loss.item() == pytest.approx(passed.total.item(), rel=1e-9)
    # Filters may be turned, so gradients are compared by their length.
    length = sum(own.grad.square().sum() for own in model.parameters() if own.grad is not None).sqrt()
    assert length.item() == pytest.approx(gradient.norm().item(), rel=1e-7)
    assert length > 1e-3, "there is no gradient: the net shows nothing"


def kinds(model, data="mnist", **numbers):
    """The modules of a model's plain net, by their classes."""
    config = resolve({"model": {"name": model, **numbers}, "data": data})
    return [type(own).__name__ for own in plain_net(build(config), config, 1, torch.float32)]


def test_an_activation_stands_before_the_pooling_as_in_tutorials():
    assert kinds("lenet5")[:6] == ["Conv2d", "ReLU", "MaxPool2d"] * 2
    assert kinds("lenet5", pooling="min")[:3] == ["Conv2d", "ReLU", "MinPool2d"]
    assert kinds("lenet5", pooling="average")[:3] == ["Conv2d", "ReLU", "AvgPool2d"]
    assert kinds("lenet5", activation="silu")[:3] == ["Conv2d", "SiLU", "MaxPool2d"]
    assert kinds("tdnn", SERIES)[1:4] == ["Conv1d", "ReLU", "MaxPool1d"]


def test_what_does_nothing_is_left_out():
    assert "Dropout" not in kinds("mlp")
    assert kinds("mlp", dropout=0.5).count("Dropout") == 2
    assert kinds("lenet5", dropout=0.5, dropout_scale="predict").count("UnscaledDropout") == 2
    assert "UnscaledDropout" not in kinds("lenet5", dropout_scale="predict")


def test_a_second_classifier_has_its_scores_for_the_loss():
    head = {"flatten": Flatten(), "linear": Linear(8, 3)}
    layers = {"conv": Conv2d(1, 2, 3), "aside": Auxiliary(head, "model.auxiliary_weight"), **head}
    net = Net(layers, (1, 4, 4))
    config = resolve(
        {"model": {"name": "googlenet", "auxiliary": "yes", "auxiliary_weight": 0.4}, "data": LARGE}
    )
    model = plain_net(net, config, 2, torch.float64)
    array = Array(net, [config], [2])
    x, y = images(net)
    theta = array.theta.double()
    passed = array.whole.forward(net.views(theta), array.buffers.double(), x[:, None], y[:, None], 0)
    assert loss_of(model, x, y).item() == pytest.approx(passed.total.item(), rel=1e-6)
    assert passed.total.item() > 1.1 * passed.result.loss.item()
    (aside,) = (each for each in model.modules() if isinstance(each, WithHead))
    assert aside.weight == 0.4


def test_a_module_of_ones_own_is_itself(plugin_folder):
    write(
        plugin_folder,
        """
        @own_model
        def tried_net(rate: Number[0, 1] = 0.5, *, shape, classes):
            return nn.Sequential(nn.Flatten(), nn.Dropout(rate), nn.LazyLinear(classes))
    """,
    )
    given = config("tried-net")
    model = plain_net(net(given), given, 1, torch.float64)
    assert [type(own) for own in model] == [nn.Flatten, nn.Dropout, nn.Linear]
    assert model.training
    assert model[2].weight.dtype == torch.float64
    scores = [model(torch.ones(2, *SHAPE, dtype=torch.float64)) for _ in range(2)]
    assert not scores[0].equal(scores[1]), "nothing is dropped"


def test_a_layer_without_a_plain_form_is_named():
    class Odd(Linear):
        to_torch = Layer.to_torch

    given = resolve({"model": "mlp", "data": "mnist"})
    odd = Net({"flatten": Flatten(), "odd": Odd(784, 10)}, (1, 28, 28))
    with pytest.raises(CnnlabError, match="the layer odd has no plain form"):
        plain_net(odd, given, 1, torch.float32)
