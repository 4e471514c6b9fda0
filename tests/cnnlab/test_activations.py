"""Conformance of every activation, and the exact values of each."""

import math

import packing
import pytest
import torch

from cnnlab import registry
from cnnlab.hyper import declared

NAMES = registry.names("activations")


def build(name, **given):
    """Return f with hyperparameters, as a function of x (N, K)."""
    entry = registry.get("activations", name)
    values = {n: given.get(n, h.default) for n, h in declared(entry).items()}
    return lambda x: entry().value(x, {n: torch.full((1,), v, dtype=x.dtype) for n, v in values.items()})


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", NAMES)
def test_large_inputs_give_numbers(name, dtype):
    x = torch.tensor([[-1000.0, -50, -0.0, 0, 50, 1000]], dtype=dtype).T.requires_grad_()
    y = build(name)(x)
    (slope,) = torch.autograd.grad(y.sum(), x)
    assert y.isfinite().all()
    assert slope.isfinite().all()
    assert y.dtype == dtype
    assert y[2] == y[3]


@pytest.mark.parametrize("name", NAMES)
def test_the_derivative_is_that_of_the_value(name):
    x = torch.tensor([[-2.0, -0.7, -0.1, 0.2, 0.9, 3.0]], dtype=torch.float64).T.requires_grad_()
    assert torch.autograd.gradcheck(build(name), x)


@pytest.mark.parametrize("name", NAMES)
def test_it_rises_so_that_pooling_may_stand_before_it(name):
    y = build(name)(torch.linspace(-5, 5, 1001, dtype=torch.float64)[:, None])
    assert (y.diff(dim=0) >= 0).all()


@pytest.mark.parametrize("name", NAMES)
def test_packing_does_not_matter(name):
    packing.assert_packing_does_not_matter(
        [packing.config(hypers={"activation": {"name": name, **more}}) for more in spread(name)]
    )


@pytest.mark.parametrize("name", NAMES)
def test_neighbours_do_not_matter(name):
    own, *others = [
        packing.config(precision="float32", hypers={"activation": {"name": name, **more}})
        for more in [*spread(name), {}]
    ]
    packing.assert_neighbours_do_not_matter(own, others)


def spread(name):
    """Return three choices of the hyperparameters, where there are any."""
    hypers = declared(registry.get("activations", name))
    return [{n: h.default * factor for n, h in hypers.items()} for factor in (1.0, 0.5, 2.0)]


def slope(function, at):
    x = torch.tensor([[at]], dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(function(x).sum(), x)
    return float(gradient)


def test_relu():
    relu = build("relu")
    assert relu(torch.tensor([[-2.0], [0.0], [3.0]])).flatten().tolist() == [0, 0, 3]
    assert [slope(relu, at) for at in (-1.0, -0.0, 0.0, 2.0)] == [0, 1, 1, 1]


@pytest.mark.parametrize("beta", [0.5, 1.0, 2.0, 8.0])
def test_sigmoid(beta):
    sigmoid = build("sigmoid", beta=beta)
    value = float(sigmoid(torch.tensor([[0.3]], dtype=torch.float64)))
    assert value == pytest.approx(1 / (1 + math.exp(-beta * 0.3)), rel=1e-15)
    assert slope(sigmoid, 0.0) == pytest.approx(beta / 4)
    assert slope(sigmoid, 0.3) == pytest.approx(beta * value * (1 - value))


@pytest.mark.parametrize("b", [0.5, 1.0, 2.0, 3.0])
def test_tangent_sigmoid(b):
    tangent = build("tangent-sigmoid", b=b)
    value = float(tangent(torch.tensor([[0.3]], dtype=torch.float64)))
    power = math.exp(-b * 0.3)
    assert value == pytest.approx((1 - power) / (1 + power), rel=1e-14)
    assert slope(tangent, 0.3) == pytest.approx(b / 2 * (1 - value**2))
