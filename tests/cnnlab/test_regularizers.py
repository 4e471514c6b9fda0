"""Conformance of every regularizer, and its scope."""

import math

import packing
import pytest
import torch

from cnnlab import registry

NAMES = registry.names("regularizers")
PENALTIES = ("l1", "l2")  # in the objective; the others act beside the optimizer's step
BESIDE = [name for name in NAMES if name not in PENALTIES]
LR = 0.01


@pytest.mark.parametrize("name", PENALTIES)
def test_the_gradient_is_that_of_the_value(name):
    entry = registry.get("regularizers", name)()
    w = torch.tensor([[0.5, -2.0, 1.5], [1.0, 3.0, -0.1]], dtype=torch.float64, requires_grad=True)
    strength = torch.tensor([[0.1, 0.2, 0.0], [1.0, 2.0, 3.0]], dtype=torch.float64)
    value = entry.value(w, strength)
    assert value.shape == (2,)
    (gradient,) = torch.autograd.grad(value.sum(), w)
    torch.testing.assert_close(entry.gradient(w.detach(), strength), gradient, rtol=1e-15, atol=0)


@pytest.mark.parametrize("name", NAMES)
def test_its_gradient_is_added_in_place(name):
    entry = registry.get("regularizers", name)()
    w, strength, gradient = (torch.randn(3, 50, generator=torch.Generator().manual_seed(i)) for i in range(3))
    expected = gradient + entry.gradient(w, strength)
    assert entry.add_gradient(gradient, w, strength) is None
    torch.testing.assert_close(gradient, expected)


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
    strength = 1e-3 if name == "max-norm" else 0.1
    penalties = (0.0, {"strength": strength}, {"strength": strength, "scope": "all"})
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


@pytest.mark.parametrize("name", BESIDE)
def test_what_acts_beside_the_step_is_no_part_of_the_objective(name):
    entry = registry.get("regularizers", name)()
    w, strength = torch.randn(2, 3), torch.ones(2, 3)
    assert entry.value(w, strength).tolist() == [0, 0]
    assert torch.equal(entry.gradient(w, strength), torch.zeros(2, 3))


@pytest.mark.parametrize("name", BESIDE)
def test_no_strength_changes_no_bit(name):
    """0, −0, tiny, large and NaN: a row that does not use it stands beside rows that do."""
    array = packing.make([packing.config(precision="float32")] * 2)
    entry, strength = registry.get("regularizers", name)(), torch.zeros_like(array.theta)
    array.theta[0, :5] = torch.tensor([0.0, -0.0, 1e-40, 1e30, float("nan")])
    array.theta[0, 84:94] = 0  # biases
    before = array.theta.clone()
    lr = torch.full((2, 1), 0.1)
    entry.before(array.theta, strength, lr)
    entry.after(array.theta, strength, lr, array.net.table)
    assert torch.equal(array.theta.nan_to_num(7), before.nan_to_num(7))


def trained(steps, optimizer="sgd", **train):
    """Return an array of one trial after some steps with lr 0.01, and its start by name."""
    rule = {"name": optimizer, "lr": LR}
    array = packing.make([packing.config(optimizer=rule, **train)])
    start = array.net.named(array.theta[0], array.buffers[0])
    packing.train(array, steps)
    return array, start


def by_torch(array, start, steps, make):
    """Train the same net with torch's optimizer, which is made of weights and biases; return it by name."""
    p = {name: tensor.clone().requires_grad_() for name, tensor in start.items()}
    weights = [tensor for name, tensor in p.items() if name.endswith("weight")]
    optimizer = make(weights, [tensor for name, tensor in p.items() if name.endswith("bias")])
    for i in range(steps):
        x, y = packing.batch(array, i)
        z = x[:, 0].flatten(1)
        for layer in (1, 2, 3):
            z = z @ p[f"linear{layer}.weight"].T + p[f"linear{layer}.bias"]
            z = z if layer == 3 else z.relu()
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(z, y[:, 0]).backward()
        optimizer.step()
    return {name: tensor.detach() for name, tensor in p.items()}


def assert_same(array, expected):
    for name, value in array.net.named(array.theta[0], array.buffers[0]).items():
        torch.testing.assert_close(value, expected[name], rtol=0, atol=1e-12)


@pytest.mark.parametrize("scope", ["weights", "all"])
def test_weight_decay_with_adam_is_adamw(scope):
    decay = 0.5
    array, start = trained(20, "adam", **{"weight-decay": {"strength": decay, "scope": scope}})
    on_biases = decay if scope == "all" else 0.0
    expected = by_torch(
        array,
        start,
        20,
        lambda weights, biases: torch.optim.AdamW(
            [{"params": weights, "weight_decay": decay}, {"params": biases, "weight_decay": on_biases}], lr=LR
        ),
    )
    assert_same(array, expected)


def test_weight_decay_with_sgd_is_l2_and_with_momentum_it_is_not():
    for optimizer, same in (("sgd", True), ("momentum", False)):
        decayed, _ = trained(20, optimizer, **{"weight-decay": 0.5})
        penalized, _ = trained(20, optimizer, l2=0.5)
        assert ((decayed.theta - penalized.theta).abs().max() < 1e-12) == same


def test_weight_decay_follows_the_schedule():
    """The rate halves from step to step; with sgd the two are one then too."""
    halves = {"name": "exponential", "k": math.log(2), "unit": "iteration"}
    decayed, _ = trained(4, schedule=halves, **{"weight-decay": 0.5})
    penalized, _ = trained(4, schedule=halves, l2=0.5)
    torch.testing.assert_close(decayed.theta, penalized.theta, rtol=0, atol=1e-14)


def test_the_soft_threshold():
    entry = registry.get("regularizers", "l1-proximal")()
    w = torch.tensor([[3.0, -3.0, 0.25, -0.25, 0.5, 0.0]])
    entry.after(w, torch.full((1, 6), 5.0), torch.tensor([[0.1]]), [])
    assert w.tolist() == [[2.5, -2.5, 0, 0, 0, 0]]


def test_proximal_l1_leaves_exact_zeros_where_l1_leaves_none():
    zeros = {}
    for name in ("l1", "l1-proximal"):
        array, _ = trained(100, "sgd", **{name: 0.3})
        zeros[name] = int((array.theta[:, array.net.weights()] == 0).sum())
    assert zeros["l1"] == 0
    assert zeros["l1-proximal"] > 20


def test_max_norm_bounds_every_unit():
    """Units that are longer have length c, the others are what they are without it."""
    free, _ = trained(1)
    bound, _ = trained(1, **{"max-norm": 0.5})
    units, cut = (array.net.named(array.theta[0], array.buffers[0]) for array in (free, bound))
    seen = set()
    for name, w in units.items():
        length = w.norm(dim=1, keepdim=True) if w.dim() == 2 else torch.zeros(1)
        factor = torch.where(length > 0.5, 0.5 / length, 1.0)
        torch.testing.assert_close(cut[name], w * factor, rtol=0, atol=1e-15)
        seen |= set((length > 0.5).flatten().tolist())
    assert seen == {True, False}


@pytest.mark.compiled
def test_a_unit_of_a_convolution_is_a_feature_map():
    array = packing.make([packing.config("lenet5", **{"max-norm": 0.4})])
    packing.train(array, 2)
    named = array.net.named(array.theta[0], array.buffers[0])
    longest = named["conv1.weight"].flatten(1).norm(dim=1)
    assert longest.max() <= 0.4 + 1e-12
    assert longest.max() > 0.39


def test_max_norm_of_all_bounds_each_bias():
    free, _ = trained(1)
    bound, _ = trained(1, **{"max-norm": {"strength": 0.1, "scope": "all"}})
    for name, value in free.net.named(free.theta[0], free.buffers[0]).items():
        if name.endswith("bias"):
            cut = bound.net.named(bound.theta[0], bound.buffers[0])[name]
            torch.testing.assert_close(cut, value.clamp(-0.1, 0.1), rtol=0, atol=1e-15)
            assert (value.abs() > 0.1).any()
