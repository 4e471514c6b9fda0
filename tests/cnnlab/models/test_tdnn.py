"""The time-delay network: its counts, its order of layers, and the images that it refuses."""

import math

import packing
import pytest
import torch

from cnnlab import registry, resolve
from cnnlab.config import row_numbers
from cnnlab.engine.cost import inspect
from cnnlab.engine.net import build
from cnnlab.errors import ConfigError
from cnnlab.layer import Context, Mode

SERIES = (1, 1, 128)


def layers(shape=SERIES, classes=6, **hypers):
    config = registry.resolve("models", {"name": "tdnn", **hypers}, "model")
    return registry.get("models", "tdnn")().layers(config, shape, classes)


def count(**given):
    return sum(math.prod(own.shape) for layer in layers(**given).values() for own in layer.parameters)


def test_counts_on_waveforms():
    """128 → 124 → 62 → 58 → 29 steps."""
    facts = inspect(resolve({"model": "tdnn", "data": "waveforms"}))
    assert facts.parameters == (5 + 1) * 8 + (5 * 8 + 1) * 16 + (29 * 16 + 1) * 6 == 3_494
    assert facts.flops == 2 * (124 * 8 * 5 + 58 * 16 * 40 + 29 * 16 * 6) == 2 * 44_864
    assert facts.connections == 44_864 + 124 * 8 + 58 * 16 + 6
    assert (facts.input, facts.classes) == (SERIES, 6)


def test_counts_by_hyperparameters():
    assert count(pooling="average") == 3_494
    assert count(pooling="subsample") == 3_494 + 2 * (8 + 16)
    assert count(maps=[]) == 129 * 6, "softmax regression"
    assert count(maps="4", kernel=9) == 10 * 4 + (60 * 4 + 1) * 6
    assert count(shape=(3, 1, 128), classes=2) == (3 * 5 + 1) * 8 + 41 * 16 + (29 * 16 + 1) * 2


@pytest.mark.parametrize("pooling", ["max", "average", "subsample"])
def test_all_starts_within_the_root_of_the_fan_in(pooling):
    parameters = [own for layer in layers(pooling=pooling).values() for own in layer.parameters]
    assert {own.initializer for own in parameters} == {"fan-in-uniform"}


@pytest.mark.parametrize(
    ("pooling", "stage"),
    [
        ("max", ["Conv1d", "MaxPool1d", "Activate"]),
        ("average", ["Conv1d", "Activate", "AveragePool1d"]),
        ("subsample", ["Conv1d", "Activate", "Subsample1d"]),
    ],
)
def test_where_pooling_stands(pooling, stage):
    chain = [type(layer).__name__ for layer in layers(pooling=pooling, maps="3-4-5").values()]
    assert chain == ["Series", *stage * 3, "Flatten", "Dropout", "Linear"]


@pytest.mark.parametrize("activation", ["gelu", "silu"])
def test_max_pooling_stands_behind_an_activation_that_falls(activation):
    assert [*layers(activation=activation, maps=3)][1:4] == ["conv1", "act1", "pool1"]


@pytest.mark.parametrize("activation", registry.names("activations"))
def test_max_pooling_before_the_activation_is_max_pooling_behind_it(activation):
    if not registry.get("activations", activation).monotone:
        pytest.skip("is pooled behind")
    chain = layers(activation=activation)
    numbers = registry.resolve("activations", activation, "p")
    hypers = {f"model.activation.{n}": torch.full((2,), v) for n, v in numbers.items() if n != "name"}
    own = Context(hypers, frozenset(), torch.zeros(0), torch.zeros(0), Mode.TRAIN)
    x = torch.randn(5, 2, 8, 9, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    before, behind = x, x
    for one, other in (("pool1", "act1"), ("act1", "pool1")):
        before = chain[one].forward(before, [], [], own)
        behind = chain[other].forward(behind, [], [], own)
    assert torch.equal(before, behind)


def test_numbers_of_a_row_have_their_paths():
    config = resolve({"model": {"name": "tdnn", "activation": "softplus"}, "data": "waveforms"})
    assert {path for path in row_numbers(config) if path.startswith("model.")} == {
        "model.dropout",
        *(f"model.activation.{name}" for name in config["model"]["activation"] if name != "name"),
    }
    assert build(config).random == ("model.dropout",)


@pytest.mark.parametrize("pooling", ["max", "average", "subsample"])
@pytest.mark.parametrize("maps", [[], [3], [3, 4, 2]])
def test_packing_does_not_matter(maps, pooling):
    """Of any depth and pooling; test_models.py does so for the default alone."""
    hypers = {"maps": maps, "pooling": pooling, "kernel": 2}
    packing.assert_packing_does_not_matter(
        [packing.config("tdnn", hypers={**hypers, "dropout": rate}) for rate in (0.0, 0.5, 0.2)], steps=3
    )


def test_a_trained_filter_is_the_same_at_all_times():
    """Scores of a series and of the same one step of pooling later differ by the linear layer alone."""
    array = packing.make([packing.config("tdnn")])
    x, _ = packing.batch(array, 0)
    cut = next(i for i, name in enumerate(array.net.layers) if name == "flatten")
    chain = list(array.net.layers.values())[:cut]
    moved = x.roll(4, 4)  # two poolings: 4 steps are one
    own = Context({}, frozenset(), torch.zeros(0), torch.zeros(0), Mode.PREDICT)
    features = []
    for images in (x, moved):
        values = dict(array.net.named(array.theta[0], array.buffers[0]))
        for name, layer in zip(array.net.layers, chain, strict=False):
            p = [values[f"{name}.{parameter.name}"][None] for parameter in layer.parameters]
            images = layer.forward(images, p, [], own)
        features.append(images)
    torch.testing.assert_close(features[1][..., 1:], features[0][..., :-1], rtol=0, atol=1e-12)


@pytest.mark.parametrize(("height", "width"), [(28, 28), (2, 128), (128, 1)])
def test_images_of_another_height_are_refused(height, width):
    words = f"tdnn needs images one pixel high, got {height}×{width}"
    with pytest.raises(ConfigError, match=words) as caught:
        layers((1, height, width))
    assert caught.value.path == "model"


def test_series_that_are_too_short_are_refused():
    layers((1, 1, 16))
    with pytest.raises(ConfigError, match="a window of 2 steps does not fit series of 1") as caught:
        layers((1, 1, 15))
    assert caught.value.path == "model"
    with pytest.raises(ConfigError, match="a window of 5 steps does not fit series of 4"):
        layers((1, 1, 4))
