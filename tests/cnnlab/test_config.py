"""A config resolves to one complete form; paths, rows and shape keys follow from it."""

import json

import pytest

from cnnlab import registry, resolve
from cnnlab.config import is_row, paths, row_numbers, shape_key
from cnnlab.errors import ConfigError

SHORT = {"model": "lenet5", "data": "mnist"}


def with_train(**train):
    return resolve({**SHORT, "train": train})


def test_a_short_config_becomes_complete_and_stays_so():
    complete = resolve(SHORT)
    assert complete == {
        "model": {
            "name": "lenet5",
            "activation": {"name": "relu"},
            "pooling": "max",
            "flip": "no",
            "initializer": {"name": "fan-in-uniform"},
            "input_dropout": 0.0,
            "dropout": 0.0,
            "dropout_scale": "train",
            "norm": "none",
            "norm_statistics": "ema",
        },
        "data": {
            "name": "mnist",
            "validation": 0.1,
            "folds": 0,
            "fraction": 1.0,
            "label_noise": 0.0,
            "resize": 0,
            "batches": "shuffled",
            "stream": "replicate",
            **dict.fromkeys(registry.names("augmentations"), 0),
        },
        "train": {
            "epochs": 10,
            "batch_size": 128,
            "loss": {"name": "softmax", "smoothing": 0.0, "class_weights": "none"},
            "optimizer": {"name": "momentum", "lr": 0.05, "momentum": 0.9},
            "schedule": {"name": "constant"},
            "momentum_schedule": {"name": "constant"},
            "warmup": 0.0,
            "clip_value": "none",
            "clip_norm": "none",
            "accumulate": 1,
            "ema": 0.0,
            "initial_scale": 1.0,
            "precision": "float32",
            "test": "never",
            **{name: {"strength": 0.0, "scope": "weights"} for name in registry.names("regularizers")},
        },
    }
    assert resolve(complete) == complete
    assert json.loads(json.dumps(complete)) == complete


def test_a_bare_number_is_a_strength():
    assert with_train(l2=1)["train"]["l2"] == {"strength": 1.0, "scope": "weights"}
    assert with_train(l2={"name": "l2", "scope": "all"})["train"]["l2"] == {"strength": 0.0, "scope": "all"}


@pytest.mark.parametrize(
    ("config", "path", "words"),
    [
        ({"data": "mnist"}, "model", "is missing; name one of "),
        ({"model": "lenet5"}, "data", "is missing"),
        ({**SHORT, "trian": {}}, "trian", "Did you mean 'train'?"),
        ({**SHORT, "train": {"optimzer": "adam"}}, "train.optimzer", "Did you mean 'optimizer'?"),
        ({**SHORT, "train": {"epochs": 0}}, "train.epochs", "from 1 to 10000"),
        ({**SHORT, "train": {"batch_size": 0}}, "train.batch_size", "from 1 to 65536"),
        ({**SHORT, "train": {"batch_size": "all"}}, "train.batch_size", "from 1 to 65536 or full, got 'all'"),
        ({**SHORT, "train": {"epochs": True}}, "train.epochs", "got True"),
        ({**SHORT, "train": {"l2": "much"}}, "train.l2.strength", "must be a number"),
        ({**SHORT, "train": {"l2": {"name": "l1"}}}, "train.l2.name", "must be 'l2' or left out"),
        ({**SHORT, "train": {"l2": {"strenght": 1}}}, "train.l2.strenght", "Did you mean 'strength'?"),
        ({**SHORT, "train": {"optimizer": {"name": "adam", "lr": "x"}}}, "train.optimizer.lr", "got 'x'"),
        ({**SHORT, "train": {"loss": "sofmax"}}, "train.loss", "Did you mean 'softmax'?"),
        ({**SHORT, "train": {"precision": "half"}}, "train.precision", "float64, tf32, bfloat16, got 'half'"),
        ({**SHORT, "train": 3}, "train", "must be an object"),
        ({**SHORT, "data": {"name": "mnist", "validation": 0.6}}, "data.validation", "from 0 to 0.5"),
        (
            {**SHORT, "data": {"name": "mnist", "validaton": 0}},
            "data.validaton",
            "Did you mean 'validation' or 'validation_indices'?",
        ),
        ({**SHORT, "data": "mnits"}, "data", "Did you mean 'mnist'?"),
        ({**SHORT, "model": "lenet"}, "model", "Did you mean 'lenet5'"),
        (
            {**SHORT, "model": {"name": "lenet5", "activation": {"name": "sigmoid", "beta": 0}}},
            "model.activation.beta",
            "must be a number",
        ),
        ([], "", "a config must be an object"),
    ],
)
def test_a_wrong_config_is_refused_at_its_path(config, path, words):
    with pytest.raises(ConfigError) as caught:
        resolve(config)
    assert caught.value.path == path
    assert words in caught.value.message


def test_a_full_batch_is_a_shape_of_its_own():
    assert with_train(batch_size="full")["train"]["batch_size"] == "full"
    assert shape_key(with_train(batch_size="full")) != shape_key(with_train())


def test_rows_and_shapes():
    config = resolve({**SHORT, "model": {"name": "lenet5", "activation": "sigmoid"}})
    row = {path for path in paths(config) if is_row(config, path)}
    assert row == {
        "model.activation.beta",
        "model.input_dropout",
        "model.dropout",
        *(f"train.{name}" for name in ("initial_scale", "warmup", "clip_value", "clip_norm", "ema")),
        *(
            path
            for path in paths(config)
            if path.split(".")[:2]
            in (["train", f] for f in ("optimizer", "loss", "schedule", "momentum_schedule"))
        ),
        *(
            path
            for path in paths(config)
            if path.split(".")[:2] in (["train", f] for f in registry.names("regularizers"))
        ),
    }
    assert {"train", "train.epochs", "model", "model.activation", "data.validation", "model.norm"} <= (
        set(paths(config)) - row
    )


def test_a_path_that_does_not_exist_shows_the_nearest():
    with pytest.raises(ConfigError, match=r"Did you mean 'train\.optimizer\.lr'"):
        is_row(resolve(SHORT), "train.optimiser.lr")


def test_the_shape_key_changes_with_shapes_only():
    base = shape_key(resolve(SHORT))
    assert base == shape_key(resolve(SHORT))
    assert len(base) == 16
    assert base == shape_key(with_train(optimizer="adam", loss="svm", l1=0.1))
    assert base == shape_key(resolve({**SHORT, "model": {"name": "lenet5", "dropout": 0.5}}))
    others = [
        with_train(batch_size=64),
        with_train(epochs=3),
        with_train(precision="float64"),
        resolve({**SHORT, "model": {"name": "lenet5", "norm": "batch"}}),
        resolve({**SHORT, "model": {"name": "lenet5", "activation": "sigmoid"}}),
        resolve({**SHORT, "data": {"name": "mnist", "validation": 0}}),
        resolve({**SHORT, "data": "fashion-mnist"}),
        resolve({**SHORT, "model": "mlp"}),
    ]
    assert len({base, *map(shape_key, others)}) == len(others) + 1


def test_the_numbers_of_a_row():
    config = resolve(
        {**SHORT, "model": {"name": "mlp", "dropout": 0.5, "activation": {"name": "sigmoid", "beta": 2}}}
    )
    assert row_numbers(config) == {
        "model.activation.beta": 2.0,
        "model.input_dropout": 0.0,
        "model.dropout": 0.5,
    }


def test_no_path_is_looked_for_among_all_paths_for_a_shape_key(monkeypatch):
    """Of each row of each pack: with some sixty paths that would be most of what a short pack takes."""
    config = resolve(
        {"model": "lenet5", "data": {"name": "fashion-mnist-mini"}, "train": {"optimizer": "adam"}}
    )
    key, numbers = shape_key(config), row_numbers(config)
    monkeypatch.setattr("cnnlab.config.paths", lambda config: pytest.fail("all paths are listed"))
    assert (shape_key(config), row_numbers(config)) == (key, numbers)
    with pytest.raises(pytest.fail.Exception):
        is_row(config, "model.dropout")
