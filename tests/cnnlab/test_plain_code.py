"""Layers and activations as plain torch: the same function, from code that names nothing but torch."""

from collections import OrderedDict

import pytest
import torch
from test_layers import EXAMPLES
from torch import nn

from cnnlab import plain_modules, registry
from cnnlab.chain import Chain
from cnnlab.engine.net import Net
from cnnlab.errors import CnnlabError
from cnnlab.hyper import declared
from cnnlab.layer import Context, Layer, Mode
from cnnlab.layers.activate import Activate
from cnnlab.layers.conv2d import Conv2d
from cnnlab.layers.flatten import Flatten
from cnnlab.plain_code import TrainedLayer, call, identifiers, listing, sequence

HYPERS = {"rate": 0.25, "act.beta": 3.0, "weight": 0.5}
ROWS, ROW = 3, 1


def context(hypers):
    numbers = {path: torch.full((ROWS,), value, dtype=torch.float64) for path, value in hypers.items()}
    count = torch.zeros(ROWS, dtype=torch.int32)
    return Context(numbers, frozenset(), count, count, Mode.PREDICT)


def in_plain_torch(code):
    """Make the module that the code describes, with its weights."""
    names = {"nn": nn, "OrderedDict": OrderedDict} | {kind.__name__: kind for kind in code.classes}
    made = eval(code.expression, names).double().eval()
    made.load_state_dict(code.state)
    return made


def compare(layer, shape, hypers):
    net = Net({"layer": layer}, shape)
    generator = torch.Generator().manual_seed(1)
    theta = torch.randn(ROWS, net.parameters, generator=generator, dtype=torch.float64)
    buffers = 0.5 + torch.rand(ROWS, net.buffered, generator=generator, dtype=torch.float64)
    x = torch.randn(4, ROWS, *shape, generator=generator, dtype=torch.float64)
    wanted = net.forward(theta, buffers, x, context(hypers))[:, ROW]
    weights = net.named(theta[ROW], buffers[ROW])
    (code,) = net.chain.plain_parts(TrainedLayer(shape, weights, hypers)).values()
    torch.testing.assert_close(in_plain_torch(code)(x[:, ROW]), wanted, rtol=1e-12, atol=1e-12)


@pytest.mark.compiled
@pytest.mark.parametrize("name", EXAMPLES)
def test_a_layer_equals_its_plain_form(name):
    compare(*EXAMPLES[name], HYPERS)


@pytest.mark.parametrize("slope", [None, 2.0, 0.3], ids=["usual", "2", "0.3"])
@pytest.mark.parametrize("name", registry.names("activations"))
def test_an_activation_equals_its_plain_form(name, slope):
    hypers = {
        f"act.{hyper}": each.default if slope is None else min(slope, each.high)
        for hyper, each in declared(registry.get("activations", name)).items()
    }
    # torch's own softplus is x itself above 20.
    compare(Activate(name, "act"), (2, 3, 4), hypers)


def test_a_step_of_zero_is_one():
    assert plain_modules.SignStep()(torch.tensor([-0.0, 0.0, -1e-30])).tolist() == [1.0, 1.0, -1.0]


def test_what_the_table_leaves_out_stays_out_when_training_goes_on():
    layer = plain_modules.TableConv2d(2, 1, table=[[0], [0, 1]])
    layer(torch.randn(3, 2, 4, 4)).square().sum().backward()
    assert layer.weight.grad[0, 1] == 0
    assert layer.weight.grad[1].abs().min() > 0


def test_dropout_in_its_original_form_keeps_the_share_while_training():
    layer = plain_modules.UnscaledDropout(0.25).train()
    torch.manual_seed(0)
    kept = layer(torch.ones(10_000))
    assert set(kept.tolist()) == {0.0, 1.0}
    assert kept.mean().item() == pytest.approx(0.75, abs=0.02)
    assert layer.eval()(torch.ones(2)).tolist() == [0.75, 0.75]


class OnlyForward(Layer):
    """A layer without a plain form."""

    def forward(self, x, p, b, context):
        return x


def test_a_layer_without_a_plain_form_is_named():
    chain = Chain({"flatten": Flatten(), "mine": OnlyForward()})
    with pytest.raises(CnnlabError, match="the layer mine has no plain form: it must define to_torch"):
        chain.plain_parts(TrainedLayer((1, 2, 2), {}, {}))


def test_a_layer_within_others_is_named_too():
    inner = Chain({"block": Chain({"mine": OnlyForward()})})
    with pytest.raises(CnnlabError, match="layer block has no plain form: the layer mine has no plain form"):
        inner.plain_parts(TrainedLayer((1, 2, 2), {}, {}))


def test_names_of_attributes_are_free_and_differ():
    names = ["conv1.1", "conv1_1", "train", "class", "1x1", "größe"]
    assert list(identifiers(names).values()) == [
        "conv1_1", "conv1_1_2", "train_", "class_", "layer_1x1", "gr__e",
    ]  # fmt: skip


def test_a_long_call_has_a_line_for_each_argument():
    assert call("f", 1, b=2) == "f(1, b=2)"
    assert call("f", "x" * 60, b="y" * 60) == f"f(\n    {'x' * 60},\n    b={'y' * 60},\n)"
    assert listing([]) == "[]"
    assert listing(["1"]) == "[1]"


def test_layers_in_a_chain_keep_their_names_and_their_order():
    chain = {"c": Conv2d(1, 2, 1), "act": Activate("relu", "act")}
    net = Net(chain, (1, 2, 2))
    weights = net.named(torch.zeros(net.parameters), torch.zeros(0))
    code = sequence(net.chain.plain_parts(TrainedLayer((1, 2, 2), weights, {})))
    assert code.expression == ("nn.Sequential(OrderedDict(c=nn.Conv2d(1, 2, 1), act=nn.ReLU()))")
    assert set(code.state) == {"c.weight", "c.bias"}
