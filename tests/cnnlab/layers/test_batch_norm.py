"""Batch normalization: what it predicts with, as running averages and as statistics of all images."""

import pytest
import torch
from torch.nn import functional

from cnnlab import registry
from cnnlab.engine.net import Net
from cnnlab.errors import CnnlabError
from cnnlab.layer import Context, Mode
from cnnlab.layers.batch_norm import BatchNorm

ROWS, IMAGES = 3, 10
NORMALIZED = {
    "mlp": {"norm": "batch"}, "lenet5": {"norm": "batch"}, "maxout": {"norm": "batch"},
    "maxout-conv": {"norm": "batch"}, "vgg": {}, "googlenet": {}, "resnet": {"depth": "50"},
    "cifar-resnet": {},
}  # fmt: skip
CUTS = [slice(0, 4), slice(4, 8), slice(8, 10)]  # the last batch is short


def context(mode):
    seed = torch.arange(ROWS, dtype=torch.int32)
    rate = {"model.dropout": torch.full((ROWS,), 0.5, dtype=torch.float64)}
    rate["model.input_dropout"] = rate["model.dropout"]
    return Context(rate, frozenset(), seed, seed * 0, mode)


def images(*shape):
    generator = torch.Generator().manual_seed(1)
    return torch.randn(IMAGES, ROWS, *shape, generator=generator, dtype=torch.float64) * 3 + 1


def gathered(own, theta, x, cuts=CUTS):
    buffers = own.start_buffers(ROWS)
    own.reset_population(buffers)
    for cut in cuts:
        own.forward(theta, buffers, x[cut], context(Mode.POPULATION))
    return buffers


@pytest.mark.parametrize("shape", [(2,), (2, 3, 4)])
def test_the_population_is_algorithm_2(shape):
    """Mean of all images, and m/(m − 1) · the mean of the batches' biased variances, by the images."""
    own, x = Net({"norm": BatchNorm(2, "population")}, shape), images(*shape)
    theta = own.start(torch.arange(ROWS, dtype=torch.int32))
    buffers = gathered(own, theta, x)
    rest = [0, *range(2, x.dim() - 1)]  # of one row: images and places
    for k in range(ROWS):
        found = own.named(theta[k], buffers[k])
        torch.testing.assert_close(found["norm.running_mean"], x[:, k].mean(rest), rtol=0, atol=1e-14)
        variance = 0
        for cut in CUTS:
            part = x[cut, k]
            m = part[:, 0].numel()
            variance = variance + len(part) / IMAGES * m / (m - 1) * part.var(rest, correction=0)
        torch.testing.assert_close(found["norm.running_var"], variance, rtol=0, atol=1e-13)
        assert found["norm.images"] == IMAGES
        expected = functional.batch_norm(x[:, k], x[:, k].mean(rest), variance)
        scores = own.forward(theta, buffers, x, context(Mode.PREDICT))[:, k]
        torch.testing.assert_close(scores, expected, rtol=0, atol=1e-13)


def test_batches_of_one_size_count_the_same():
    """As the paper prints it: plain means over the batches."""
    own, x = Net({"norm": BatchNorm(2, "population")}, (2,)), images(2)
    theta = own.start(torch.arange(ROWS, dtype=torch.int32))
    buffers = gathered(own, theta, x, [slice(0, 5), slice(5, 10)])
    var = torch.stack([x[:5].var(0), x[5:].var(0)]).mean(0)
    torch.testing.assert_close(buffers[:, 2:4], var, rtol=0, atol=1e-13)


def test_a_small_variance_keeps_its_digits():
    own, x = Net({"norm": BatchNorm(2, "population")}, (2,)), images(2) * 1e-6
    buffers = gathered(own, own.start(torch.arange(ROWS, dtype=torch.int32)), x, [slice(0, IMAGES)])
    torch.testing.assert_close(buffers[:, 2:4], x.var(0), rtol=1e-12, atol=0)


def deep(statistics="population"):
    """An mlp with two normalizations and dropout on pixels and hidden units."""
    config = registry.resolve(
        "models",
        {"name": "mlp", "hidden": [5, 4], "norm": "batch", "norm_statistics": statistics, "dropout": 0.5},
        "model",
    )
    return Net(registry.get("models", "mlp")().layers(config, (1, 2, 3), 10), (1, 2, 3))


def by_hand(own, theta, row, x):
    """Return the statistics of both layers and the scores, in plain torch."""
    p = own.named(theta[row], torch.zeros(own.buffered))

    def linear(a, i):
        return functional.linear(a, p[f"linear{i}.weight"])

    batches = [x[cut].flatten(1) for cut in CUTS]
    found = {}
    for i in (1, 2):
        sums = [linear(a, i) for a in batches]
        found[f"norm{i}.running_mean"] = torch.cat(sums).mean(0)
        found[f"norm{i}.running_var"] = sum(len(z) * z.var(0) for z in sums) / len(x)
        # Behind it a batch is normalized by itself, as in training; nothing is dropped.
        batches = [((z - z.mean(0)) / (z.var(0, correction=0) + 1e-5).sqrt()).relu() for z in sums]
    a = x.flatten(1)
    for i in (1, 2):
        mean, var = (found[f"norm{i}.running_{name}"] for name in ("mean", "var"))
        a = ((linear(a, i) - mean) / (var + 1e-5).sqrt()).relu()
    return found, functional.linear(a, p["linear3.weight"], p["linear3.bias"])


def test_the_population_of_a_net_is_that_of_its_batches():
    own, x = deep(), images(1, 2, 3)
    theta = own.start(torch.arange(ROWS, dtype=torch.int32))
    buffers = gathered(own, theta, x)
    scores = own.forward(theta, buffers, x, context(Mode.PREDICT))
    for k in range(ROWS):
        expected, plain = by_hand(own, theta, k, x[:, k])
        found = own.named(theta[k], buffers[k])
        for name, value in expected.items():
            torch.testing.assert_close(found[name], value, rtol=0, atol=1e-13, msg=name)
        torch.testing.assert_close(scores[:, k], plain, rtol=0, atol=1e-12)


def test_training_leaves_the_population_and_predicting_too():
    own, x = deep(), images(1, 2, 3)
    theta = own.start(torch.arange(ROWS, dtype=torch.int32))
    buffers = gathered(own, theta, x)
    before = buffers.clone()
    own.forward(theta, buffers, x, context(Mode.TRAIN))
    own.forward(theta, buffers, x, context(Mode.PREDICT))
    assert torch.equal(buffers, before)


@pytest.mark.parametrize("training", [True, False])
def test_what_training_computes_does_not_depend_on_the_statistics(training):
    """Before anything was gathered, both predict with mean 0 and variance 1."""
    x = images(1, 2, 3)
    scores = []
    for own in (deep("ema"), deep("population")):
        theta = own.start(torch.arange(ROWS, dtype=torch.int32))
        scores.append(own.forward(theta, own.start_buffers(ROWS), x, context(training)))
    assert torch.equal(*scores)


def test_gathering_twice_after_forgetting_is_gathering_once():
    own, x = deep(), images(1, 2, 3)
    theta = own.start(torch.arange(ROWS, dtype=torch.int32))
    buffers = gathered(own, theta + 1, 2 * x)
    buffers[0] = torch.nan  # a row that diverged, and was replaced
    own.reset_population(buffers)
    assert torch.equal(buffers, own.start_buffers(ROWS))
    for cut in CUTS:
        own.forward(theta, buffers, x[cut], context(Mode.POPULATION))
    assert torch.equal(buffers, gathered(own, theta, x))


def test_running_averages_are_not_gathered():
    own, x = deep("ema"), images(1, 2, 3)
    assert (own.needs_population, deep().needs_population) == (False, True)
    theta = own.start(torch.arange(ROWS, dtype=torch.int32))
    buffers = own.start_buffers(ROWS)
    own.forward(theta, buffers, x, context(Mode.TRAIN))
    moved = buffers.clone()
    assert not torch.equal(moved, own.start_buffers(ROWS))
    own.reset_population(buffers)
    predicted = own.forward(theta, buffers, x, context(Mode.PREDICT))
    assert torch.equal(own.forward(theta, buffers, x, context(Mode.POPULATION)), predicted)
    assert torch.equal(buffers, moved)


def test_a_population_has_no_gradient():
    own, x = deep(), images(1, 2, 3)
    theta = own.start(torch.arange(ROWS, dtype=torch.int32)).requires_grad_()
    assert not gathered(own, theta, x).requires_grad


def test_a_row_gathers_what_it_does_alone():
    own, x = deep(), images(1, 2, 3)
    theta = own.start(torch.arange(ROWS, dtype=torch.int32))
    together = gathered(own, theta, x)
    for k in range(ROWS):
        alone, asked = own.start_buffers(1), context(Mode.POPULATION)
        asked.hypers = {name: value[k : k + 1] for name, value in asked.hypers.items()}
        asked.seed, asked.step = asked.seed[k : k + 1], asked.step[k : k + 1]
        for cut in CUTS:
            own.forward(theta[k : k + 1], alone, x[cut, k : k + 1], asked)
        torch.testing.assert_close(alone[0], together[k], rtol=0, atol=1e-13)


def test_a_batch_without_variance_is_refused():
    own, x = deep(), images(1, 2, 3)
    theta = own.start(torch.arange(ROWS, dtype=torch.int32))
    with pytest.raises(CnnlabError, match=r"use train\.batch_size ≥ 2"):
        own.forward(theta, own.start_buffers(ROWS), x[:1], context(Mode.POPULATION))
    assert own.forward(theta, own.start_buffers(ROWS), x[:1], context(Mode.PREDICT)).shape == (1, ROWS, 10)


@pytest.mark.parametrize("name", NORMALIZED)
def test_models_hand_the_choice_on(name):
    """Every normalization of a net is of the kind that was asked for."""
    shape = (3, 32, 32)
    for choice, per_layer in (("ema", 2), ("population", 3)):
        config = registry.resolve(
            "models", {"name": name, **NORMALIZED[name], "norm_statistics": choice}, "model"
        )
        own = Net(registry.get("models", name)().layers(config, shape, 10), shape)
        layers = {part.name.rpartition(".")[0] for part in own.table if part.role == "scale"}
        assert len(own.buffers) == per_layer * len(layers) > 0
        assert own.needs_population == (choice == "population")
