"""Declared ranges, from end to end: whatever a config may say trains, in one array with the defaults."""

import json

import packing
import pytest
import torch

from cnnlab import registry, resolve
from cnnlab.errors import ConfigError
from cnnlab.hyper import EntryOf, declared

# Kinds whose entries a config names, where, and what else the config then needs.
PLACES = {
    "activations": lambda own: {"hypers": {"activation": own}},
    "losses": lambda own: {"loss": own},
    "optimizers": lambda own: {"optimizer": own, "batch_size": "full"},
    "schedules": lambda own: {"schedule": own, "optimizer": "momentum"},
    "regularizers": lambda own: {own["name"]: {n: v for n, v in own.items() if n != "name"}},
}


def ends(hyper):
    """Return the values that a hyperparameter's declaration promises at the least."""
    told = hyper.describe()
    if told["type"] == "choice":
        return told["options"]
    return [told[end] for end in ("low", "high") if end in told] or [told["default"]]


CASES = [
    (kind, name, field, value)
    for kind in PLACES
    for name in registry.names(kind)
    for field, hyper in declared(registry.get(kind, name)).items()
    for value in ends(hyper)
]


@pytest.mark.long
@pytest.mark.parametrize(("kind", "name", "field", "value"), CASES)
def test_an_end_of_a_range_trains(kind, name, field, value):
    """Beside a row of the defaults, which it does not disturb; its own numbers may run away."""
    given = {"name": name, field: value}
    if kind == "regularizers" and field != "strength":
        given["strength"] = 0.01
    if kind == "schedules" and value == "iteration" and "over" in declared(registry.get(kind, name)):
        given["over"] = 3  # the rest of training in steps follows from the data
    config = packing.config(**PLACES[kind](given))
    plain = packing.config(**PLACES[kind]({"name": name}))
    array, alone = packing.make([config, plain], [1, 2]), packing.make([plain], [2])
    for made in (array, alone):
        packing.train(made, 2, same=True)
    torch.testing.assert_close(array.theta[1], alone.theta[0], rtol=0, atol=1e-10)
    assert array.predict(packing.batch(array, 0)[0]).shape == (packing.IMAGES, 2, 10)


MODELS = [
    (name, field, value)
    for name in sorted(packing.SHAPE)
    for field, hyper in declared(registry.get("models", name)).items()
    if not isinstance(hyper, EntryOf)
    for value in ends(hyper)
    # Nets of thousands of layers or of thousands of pieces are looked at on paper in their own tests.
    if not (hyper.describe()["type"] == "integer" and value > 64)
]


REFUSED = {
    ("cifar-resnet", "depth"), ("tdnn", "kernel"), ("cnn", "blocks"), ("cnn", "pool"), ("cnn", "stride"),
}  # fmt: skip


@pytest.mark.parametrize(("name", "field", "value"), MODELS)
def test_an_end_of_a_models_range_trains(name, field, value):
    """Or is refused, because no net of the family has it or these images are too small."""
    try:
        array = packing.make([packing.config(name, "float32", {**packing.SMALL.get(name, {}), field: value})])
    except ConfigError:
        assert (name, field) in REFUSED
        return
    packing.train(array, 1)
    assert array.predict(packing.batch(array, 0)[0]).shape == (packing.IMAGES, 1, 10)


@pytest.mark.parametrize("name", sorted(packing.SHAPE))
def test_a_config_of_every_model_survives_json_and_its_rows_a_file(name, tmp_path):
    """What a checkpoint holds, written and read back, is the same array."""
    from safetensors.torch import load_file, save_file

    config = packing.config(name, "float32", {"norm": "batch", "dropout": 0.5})
    assert resolve(json.loads(json.dumps(config))) == config
    array, other = packing.make([config, config], [1, 2]), packing.make([config, config], [3, 4])
    packing.train(array, 2)
    state = {n: tensor.contiguous() for n, tensor in array.state().items()}
    save_file(state, tmp_path / "rows.safetensors")
    read = load_file(tmp_path / "rows.safetensors")
    for row in (0, 1):
        other.load_row(row, {n: tensor[row] for n, tensor in read.items()})
    other.seed.copy_(array.seed)
    for made in (array, other):
        packing.train(made, 1, first=2)
    assert torch.equal(array.theta, other.theta)
    assert torch.equal(array.buffers, other.buffers)
