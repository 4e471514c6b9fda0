"""Conformance of every initializer: what a seed makes is a function of the seed, and has its distribution."""

import packing
import pytest
import torch

from cnnlab import registry

NAMES = registry.names("initializers")
U = (torch.arange(20_000, dtype=torch.float64) + 0.5) / 20_000
MOMENTS = {
    "fan-in-uniform": (0.0, 1 / 3 / 25),
    "reciprocal-uniform": (0.0, 2.4**2 / 3 / 25**2),
    "zeros": (0.0, 0.0),
    "ones": (1.0, 0.0),
}


@pytest.mark.parametrize("name", NAMES)
def test_mean_and_variance(name):
    values = registry.get("initializers", name)().value(U, 25)
    mean, variance = MOMENTS[name]
    assert values.shape == U.shape
    assert float(values.mean()) == pytest.approx(mean, abs=1e-12)
    assert float(values.var()) == pytest.approx(variance, rel=1e-3)


def test_fan_in_uniform_stays_within_its_bound():
    values = registry.get("initializers", "fan-in-uniform")().value(U, 25)
    assert values.abs().max() < 0.2
    assert values.abs().max() > 0.1999


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
