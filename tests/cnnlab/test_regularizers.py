"""Conformance of every regularizer, and its scope."""

import packing
import pytest
import torch

from cnnlab import registry

NAMES = registry.names("regularizers")


@pytest.mark.parametrize("name", NAMES)
def test_the_gradient_is_that_of_the_value(name):
    entry = registry.get("regularizers", name)()
    w = torch.tensor([[0.5, -2.0, 1.5], [1.0, 3.0, -0.1]], dtype=torch.float64, requires_grad=True)
    strength = torch.tensor([[0.1, 0.2, 0.0], [1.0, 2.0, 3.0]], dtype=torch.float64)
    value = entry.value(w, strength)
    assert value.shape == (2,)
    (gradient,) = torch.autograd.grad(value.sum(), w)
    torch.testing.assert_close(entry.gradient(w.detach(), strength), gradient, rtol=1e-15, atol=0)


@pytest.mark.parametrize("name", NAMES)
def test_zero_weights_are_not_pushed(name):
    entry = registry.get("regularizers", name)()
    assert entry.gradient(torch.zeros(1, 2), torch.ones(1, 2)).tolist() == [[0, 0]]


@pytest.mark.parametrize("name", NAMES)
def test_its_name_is_a_field_of_train(name):
    assert packing.config(**{name: 0.5})["train"][name] == {"strength": 0.5, "scope": "weights"}


@pytest.mark.parametrize("name", NAMES)
def test_packing_does_not_matter(name):
    packing.assert_packing_does_not_matter(
        [packing.config(**{name: s}) for s in (0.0, 1e-3, {"strength": 1e-2, "scope": "all"})]
    )


@pytest.mark.parametrize("name", NAMES)
def test_neighbours_do_not_matter(name):
    strengths = (1e-3, 0.0, 1e-2, 0.1)
    own, *others = [packing.config(precision="float32", **{name: s}) for s in strengths]
    packing.assert_neighbours_do_not_matter(own, others)


@pytest.mark.parametrize("name", NAMES)
def test_the_scope_decides_on_biases(name):
    """From one start, one step with and without the penalty: only what the scope reaches differs."""
    penalties = (0.0, {"strength": 0.1}, {"strength": 0.1, "scope": "all"})
    array = packing.make(
        [packing.config(hypers={"norm": "batch"}, optimizer="sgd", **{name: p}) for p in penalties], [1, 1, 1]
    )
    array.theta[:, :] = array.theta + 0.01  # no parameter is 0
    packing.train(array, 1)
    free, on_weights, on_all = (
        array.net.named(t, b) for t, b in zip(array.theta, array.buffers, strict=True)
    )
    for parameter in array.net.table:
        moved = (on_weights[parameter.name] - free[parameter.name]).abs().max()  # rows differ by rounding
        assert (moved > 1e-6) == (parameter.role == "weight"), parameter.name
        assert (on_all[parameter.name] - free[parameter.name]).abs().max() > 1e-6


def test_values():
    w, strength = torch.tensor([[3.0, -4.0]]), torch.full((1, 2), 0.5)
    assert float(registry.get("regularizers", "l2")().value(w, strength)) == 6.25
    assert float(registry.get("regularizers", "l1")().value(w, strength)) == 3.5
