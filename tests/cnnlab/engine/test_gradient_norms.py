"""The probe of gradients: what it measures, what it leaves alone, and the notes' words on ReLU."""

from itertools import pairwise

import packing
import pytest
import torch
from torch import nn

from cnnlab import registry
from cnnlab.engine.array import Array
from cnnlab.engine.gradient_norms import first_over_last, gradient_norms
from cnnlab.engine.net import Net
from cnnlab.layer import Context, Layer, Mode
from cnnlab.layers.activate import Activate
from cnnlab.layers.flatten import Flatten
from cnnlab.layers.linear import Linear

DEEP = {"hidden": [100] * 8}
HE = 6**0.5  # from deviation 1/√(3n), which fan-in-uniform has, to √(2/n)


def deep(activation, precision="float64"):
    """Return three seeds of 784-100×8-10, started by the default rule, and a shared batch of noise."""
    config = packing.config(hypers={**DEEP, "activation": activation}, precision=precision)
    layers = registry.get("models", "mlp")().layers(config["model"], (1, 28, 28), 10)
    assert {own.initializer for layer in layers.values() for own in layer.parameters} == {"fan-in-uniform"}
    array = Array(Net(layers, (1, 28, 28)), [config] * 3, [1, 2, 3])
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(64, 1, 1, 28, 28, generator=generator, dtype=torch.float64).to(array.dtype)
    y = torch.randint(10, (64, 1), generator=generator)
    return array, x.expand(-1, 3, -1, -1, -1), y.expand(-1, 3)


def scale(array, factor):
    """Multiply the weights and take away the biases."""
    array.theta = array.theta * array.net.weights() * factor


def test_norms_are_those_of_torch_row_by_row():
    configs = [packing.config(loss="svm"), packing.config(), packing.config()]
    array = packing.make(configs)
    x, y = packing.batch(array, 0)
    norms = gradient_norms(array, x, y)
    assert list(norms) == ["linear1.weight", "linear2.weight", "linear3.weight"]
    assert all(norm.shape == (3,) and norm.dtype == torch.float64 for norm in norms.values())
    for k in (1, 2):
        plain = nn.Sequential(
            nn.Flatten(), nn.Linear(12, 7), nn.ReLU(), nn.Linear(7, 6), nn.ReLU(), nn.Linear(6, 10)
        ).double()
        nn.utils.vector_to_parameters(array.theta[k], plain.parameters())
        nn.functional.cross_entropy(plain(x[:, k]), y[:, k]).backward()
        for name, layer in zip(norms, (plain[1], plain[3], plain[5]), strict=True):
            expected = layer.weight.grad.norm() / layer.weight.numel() ** 0.5
            torch.testing.assert_close(norms[name][k], expected, rtol=1e-12, atol=0)


def test_a_row_is_what_it_is_alone():
    configs = [packing.config(loss=loss, hypers={"norm": "batch"}) for loss in ("svm", "softmax", "softmax")]
    together = packing.make(configs)
    together.theta[2] = float("nan")
    norms = gradient_norms(together, *packing.batch(together, 0))
    for k in (0, 1):
        alone = packing.make(configs[k : k + 1], [10 + k])
        for name, norm in gradient_norms(alone, *packing.batch(alone, 0)).items():
            torch.testing.assert_close(norm[0], norms[name][k], rtol=1e-12, atol=0)
    assert all(norm[2].isnan() for norm in norms.values())


def test_the_array_stays_as_it_is():
    array = packing.make([packing.config(hypers={"norm": "batch", "dropout": 0.5}, optimizer="adam")] * 2)
    packing.train(array, 2)
    before = array.state()
    with torch.no_grad():
        first = gradient_norms(array, *packing.batch(array, 0))
    second = gradient_norms(array, *packing.batch(array, 0))
    assert all(torch.equal(before[name], tensor) for name, tensor in array.state().items())
    assert not array.theta.requires_grad
    assert array.theta.grad is None
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_it_measures_what_training_sees():
    """Dropout drops everything at a rate of 1, so that nothing reaches the weights behind it."""
    array = packing.make([packing.config(hypers={"dropout": rate}) for rate in (0.0, 1.0)])
    norms = gradient_norms(array, *packing.batch(array, 0))
    assert all(norm[0] > 0 for norm in norms.values())
    assert all(norm[1] == 0 for norm in norms.values())


class Aside(Layer):
    """Score on the side, with the numbers that pass, at a weight of its own for each row."""

    def forward(self, x, p, b, context):
        context.auxiliary.append((torch.arange(x.shape[1], dtype=x.dtype), x))
        return x


def test_scores_on_the_side_count():
    """The same scores once more at weights 0, 1, 2 make the gradient 1, 2, 3 times as large."""
    configs = [packing.config()] * 3
    plain = Array(Net({"flatten": Flatten(), "linear": Linear(12, 10)}, (1, 3, 4)), configs, [1, 2, 3])
    layers = {"flatten": Flatten(), "linear": Linear(12, 10), "aside": Aside()}
    array = Array(Net(layers, (1, 3, 4)), configs, [1, 2, 3])
    (expected,) = gradient_norms(plain, *packing.batch(plain, 0)).values()
    (found,) = gradient_norms(array, *packing.batch(array, 0)).values()
    torch.testing.assert_close(found, expected * torch.tensor([1.0, 2, 3]), rtol=1e-12, atol=0)


def test_of_one_layer_first_and_last_are_one():
    array = packing.make([packing.config(hypers={"hidden": []})])
    assert first_over_last(gradient_norms(array, *packing.batch(array, 0))).tolist() == [1]


def test_what_is_left_of_a_vanished_gradient_is_not_rounded_to_nothing():
    """In float32, whose squares end at 10⁻⁴⁵."""
    found = []
    for precision in ("float32", "float64"):
        array, x, y = deep("sigmoid", precision)
        scale(array, 1e-3)
        found.append(gradient_norms(array, x, y)["linear1.weight"])
    assert (found[1] < 1e-25).all()
    torch.testing.assert_close(found[0], found[1], rtol=1e-3, atol=0)


def test_gradients_vanish_through_sigmoids():
    """Measured: at the first layer 6 to 7·10⁻⁸ of the last one's, and smaller at each than behind it."""
    norms = gradient_norms(*deep("sigmoid"))
    assert (first_over_last(norms) < 1e-6).all()
    assert all((before < after).all() for before, after in pairwise(norms.values()))


def test_they_vanish_less_through_relus_but_with_these_first_weights_they_do():
    """Measured: 5·10⁻³, some 10⁵ times what sigmoids leave; "no vanishing problem" would be about 1."""
    left = first_over_last(gradient_norms(*deep("relu")))
    assert (left > 1e-3).all()
    assert (left < 1e-1).all()
    assert (left > 1e4 * first_over_last(gradient_norms(*deep("sigmoid")))).all()


def test_of_relus_the_first_weights_decide_whether_gradients_vanish_or_explode():
    """He et al.'s scale keeps them; a fraction and a multiple of it do not, and the ratio cannot tell.

    Without biases W ⊙ ∂L/∂W has one sum at all layers, so the weights' scale is in all gradients alike.
    """
    array, x, y = deep("relu")
    start = array.theta
    firsts = []
    for factor in (1, HE, 4 * HE):
        array.theta = start
        scale(array, factor)
        norms = gradient_norms(array, x, y)
        ratio = first_over_last(norms)
        assert (ratio > 0.05).all()
        assert (ratio < 0.5).all()
        firsts.append(norms["linear1.weight"])
    small, kept, large = firsts
    assert (small < 1e-4).all()
    assert ((kept > 1e-3) & (kept < 1e-1)).all()
    assert (large > 1e2).all()


def active(shift):
    """Return the share of units above 0 behind each of four layers of ReLUs without biases."""
    rows, shares = 16, []
    seeds = torch.arange(rows, dtype=torch.int32)
    x = torch.randn(20, 1, 200, generator=torch.Generator().manual_seed(0)).expand(-1, rows, -1)
    chain = {}
    for i in range(4):
        chain |= {f"linear{i}": Linear(200 if i == 0 else 500, 500, bias=False)}
        chain |= {f"act{i}": Activate("relu", "act")}
        net = Net(chain, (200,))
        context = Context({}, frozenset(), seeds, torch.zeros_like(seeds), Mode.PREDICT)
        y = net.forward(net.start(seeds).float() + shift, torch.zeros(rows, 0), x, context)
        shares.append(float((y > 0).double().mean()))
    return shares


def test_half_of_the_relus_of_a_random_net_are_active():
    """The notes' 50 %: weights that are as likely negative as positive, and no biases."""
    assert active(0.0) == pytest.approx([0.5] * 4, abs=0.02)


def test_and_not_where_weights_lean_to_one_side():
    assert active(0.01)[-1] > 0.9
    assert active(-0.01)[-1] < 0.1
