"""Conformance of every initializer: what a seed makes is a function of the seed, and has its distribution."""

import math
from statistics import NormalDist

import packing
import pytest
import torch

from cnnlab import registry
from cnnlab.engine.net import Net
from cnnlab.initializer import normal
from cnnlab.layers.conv2d import Conv2d
from cnnlab.layers.linear import Linear

NAMES = registry.names("initializers")
U = (torch.arange(20_000, dtype=torch.float64) + 0.5) / 20_000
MOMENTS = {
    "fan-in-uniform": (0.0, 1 / 3 / 25),
    "reciprocal-uniform": (0.0, 2.4**2 / 3 / 25**2),
    "glorot-uniform": (0.0, 2 / (25 + 11)),
    "lecun-normal": (0.0, 1 / 25),
    "he-normal": (0.0, 2 / 25),
    "small-normal": (0.0, 0.01**2),
    "zeros": (0.0, 0.0),
    "ones": (1.0, 0.0),
}


@pytest.mark.parametrize("name", NAMES)
def test_mean_and_variance(name):
    values = registry.get("initializers", name)().value(U, 25, 11)
    mean, variance = MOMENTS[name]
    assert values.shape == U.shape
    assert float(values.mean()) == pytest.approx(mean, abs=1e-12)
    assert float(values.var()) == pytest.approx(variance, rel=1e-3)


def test_fan_in_uniform_stays_within_its_bound():
    values = registry.get("initializers", "fan-in-uniform")().value(U, 25, 11)
    assert values.abs().max() < 0.2
    assert values.abs().max() > 0.1999


def test_glorot_uniform_stays_within_its_bound():
    values = registry.get("initializers", "glorot-uniform")().value(U, 25, 29)
    assert values.abs().max() < 1 / 3
    assert values.abs().max() > 0.3333


def test_normal_deviates_are_exact():
    """Against the inverse in Python, from the least number that noise can give to the largest."""
    ends = torch.tensor([0.5, 1.5, 2**32 - 0.5], dtype=torch.float64) / 2**32
    u = torch.cat([U[::7], ends])
    expected = torch.tensor([NormalDist().inv_cdf(value) for value in u.tolist()], dtype=torch.float64)
    torch.testing.assert_close(normal(u), expected, rtol=2e-15, atol=1e-15)
    assert normal(ends)[0] == pytest.approx(-6.338, abs=1e-3)


@pytest.mark.parametrize(
    ("name", "deviation"), [("he-normal", math.sqrt(2 / 25)), ("lecun-normal", 0.2), ("small-normal", 0.01)]
)
def test_normal_rules_scale_the_same_deviates(name, deviation):
    values = registry.get("initializers", name)().value(U, 25, 11)
    torch.testing.assert_close(values, deviation * normal(U), rtol=1e-15, atol=0)


@pytest.mark.parametrize("name", NAMES)
def test_biases_start_by_the_rule_that_goes_with_the_weights(name):
    """At zeros, but for the two rules whose sources treat them as weights, or where a layer names another."""
    expected = name if name in ("fan-in-uniform", "reciprocal-uniform") else "zeros"
    for layer in (Conv2d(2, 3, 3, initializer=name), Linear(4, 3, initializer=name)):
        assert [own.initializer for own in layer.parameters] == [name, expected]
    for layer in (
        Conv2d(2, 3, 3, initializer=name, bias_initializer="ones"),
        Linear(4, 3, initializer=name, bias_initializer="ones"),
    ):
        assert [own.initializer for own in layer.parameters] == [name, "ones"]


def test_fans_are_torchs():
    conv, dense = Conv2d(2, 8, 3).parameters[0], Linear(6, 4).parameters[0]
    for own, weight in ((conv, torch.nn.Conv2d(2, 8, 3).weight), (dense, torch.nn.Linear(6, 4).weight)):
        assert (own.fan_in, own.fan_out) == torch.nn.init._calculate_fan_in_and_fan_out(weight)


def net(name, shape=(3, 32, 32), **hypers):
    config = registry.resolve("models", {"name": name, **hypers}, "model")
    return Net(registry.get("models", name)().layers(config, shape, 10), shape)


@pytest.mark.parametrize(
    ("name", "hypers"),
    [
        ("cifar-resnet", {}),
        ("cifar-resnet", {"shortcut": "B"}),
        ("resnet", {"depth": "18"}),
        ("googlenet", {}),
    ],
)
def test_deep_nets_start_as_he_et_al(name, hypers):
    """Each weight N(0, 2/fan-in), the linear layer's too, to 5 standard errors; each bias 0."""
    built = net(name, **hypers)
    values = built.named(built.start(torch.tensor([3], dtype=torch.int32))[0], torch.zeros(built.buffered))
    for own in built.table:
        value = values[own.name]
        if own.role == "bias":
            assert value.eq(0).all()
        elif own.role == "weight" and value.numel() > 1000:
            measured = float(value.square().mean()) * own.fan_in / 2
            assert measured == pytest.approx(1, abs=5 * math.sqrt(2 / value.numel())), own.name
            assert value.abs().max() > 3 * math.sqrt(2 / own.fan_in), own.name  # no uniform goes so far


@pytest.mark.parametrize(("shape", "hypers"), [((3, 32, 32), {}), ((3, 227, 227), {"groups": "two"})])
def test_alexnet_starts_as_published(shape, hypers):
    rules = {own.name: own.initializer for own in net("alexnet", shape, **hypers).table}
    ones = {"conv2.bias", "conv4.bias", "conv5.bias", "linear6.bias", "linear7.bias"}
    assert {name for name, rule in rules.items() if rule == "ones"} == ones
    assert {name for name, rule in rules.items() if rule == "zeros"} == {
        "conv1.bias",
        "conv3.bias",
        "linear8.bias",
    }
    assert {rule for name, rule in rules.items() if name.endswith("weight")} == {"small-normal"}


def test_vgg_starts_small_or_as_configured():
    for hypers, rule in (({}, "small-normal"), ({"initializer": "glorot-uniform"}, "glorot-uniform")):
        table = net("vgg", norm="none", head="full", **hypers).table
        assert {own.initializer for own in table if own.role == "weight"} == {rule}
        assert {own.initializer for own in table if own.role == "bias"} == {"zeros"}


@pytest.mark.parametrize("name", ["mlp", "lenet5", "maxout", "maxout-conv"])
def test_a_model_takes_its_first_weights_from_the_rule_that_is_named(name):
    for rule, biases in (("fan-in-uniform", "fan-in-uniform"), ("he-normal", "zeros")):
        hypers = {} if rule == "fan-in-uniform" else {"initializer": rule}
        assert {(own.role, own.initializer) for own in net(name, **hypers).table} == {
            ("weight", rule),
            ("bias", biases),
        }


def test_weights_are_a_function_of_the_seed():
    one, same, other = (
        packing.make([packing.config()] * len(seeds), seeds).theta for seeds in ([3, 4], [4], [5])
    )
    assert torch.equal(one[1], same[0])
    assert (one[0] == one[1]).float().mean() < 0.01
    assert (other[0] == same[0]).float().mean() < 0.01


def test_precision_rounds_the_same_weights():
    wide, narrow = (packing.make([packing.config(precision=p)], [3]).theta for p in ("float64", "float32"))
    assert torch.equal(wide.float(), narrow)
