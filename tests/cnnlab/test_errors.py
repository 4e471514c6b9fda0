"""The names that were probably meant: neither case nor hyphens hide them."""

import pytest

from cnnlab import resolve
from cnnlab.errors import ConfigError, UnknownName, nearest

KNOWN = ("mnist", "fashion-mnist", "cifar10", "adam", "rmsprop", "relu", "学习", "学院")


@pytest.mark.parametrize(
    ("name", "first"),
    [
        *(("MNIST", "mnist"), ("FashionMNIST", "fashion-mnist"), ("CIFAR-10", "cifar10"), ("ADAM", "adam")),
        *(("RMS_prop", "rmsprop"), ("ReLU", "relu"), ("minst", "mnist"), ("学习率", "学习")),
    ],
)
def test_the_nearest_name_comes_first(name: str, first: str) -> None:
    assert nearest(name, KNOWN)[0] == first


@pytest.mark.parametrize("name", ["", "?", "zzzz"])
def test_nothing_is_near_to_nonsense(name: str) -> None:
    assert nearest(name, KNOWN) == ()


def test_a_data_set_in_capitals_is_recognised() -> None:
    with pytest.raises(UnknownName, match=r"no data set named 'MNIST'\. Did you mean 'mnist'"):
        resolve({"model": "lenet5", "data": "MNIST"})


@pytest.mark.parametrize(
    ("train", "hint"),
    [
        ({"loss": "cross_entropy"}, "Cross-entropy of scores is the loss softmax"),
        ({"label_smoothing": 0.1}, "train.loss.smoothing"),
        ({"class_weights": "balanced"}, "a field of the losses softmax and focal"),
        ({"max_norm": 1}, "train.clip_norm"),
        ({"gradient_accumulation_steps": 2}, "train.accumulate"),
        ({"ema_decay": 0.99}, "train.ema"),
        ({"warmup_epochs": 5}, "train.warmup"),
        ({"schedule": "sgdr"}, "cosine-restarts"),
        ({"optimizer": {"name": "sgd", "weight_decay": 0.1}}, "is train.l2"),
        ({"optimizer": {"name": "adam", "weight_decay": 0.1}}, "that of AdamW is train.weight-decay"),
        ({"learning_rate": 0.1}, "train.optimizer.lr"),
        ({"lr": 0.1}, "train.optimizer.lr"),
        ({"dropout": 0.1}, "model.dropout"),
        (
            {"metrics": ["ece"]},
            "The expected calibration error .* is the metric calibration-error",
        ),
    ],
)
def test_names_of_other_libraries_lead_to_ours(train, hint):
    with pytest.raises(UnknownName, match=hint):
        resolve({"model": "lenet5", "data": "mnist", "train": train})


@pytest.mark.parametrize("name", ["colour_jitter", "color-jitter", "ColorJitter", "hue"])
def test_random_colours_lead_to_three_fields(name: str) -> None:
    with pytest.raises(UnknownName, match=r"are data\.brightness, data\.contrast and data\.saturation"):
        resolve({"model": "lenet5", "data": {"name": "mnist", name: 0.1}})


def test_every_fault_of_a_config_comes_at_once() -> None:
    config = {
        "model": {"name": "lenet5", "depth": 3, "dropout": 2},
        "data": {"name": "fashion-mnist-mini", "noise": 1, "validation": 7},
        "trian": {},
        "train": {
            "epochs": 0,
            "optimizer": {"name": "adam", "bta": 1, "lr": -1, "beta1": 2},
            "schedule": "liner",
            "l2": -1,
            "metrics": ["loss"],
            "annealing": 1,
        },
    }
    with pytest.raises(ConfigError) as caught:
        resolve(config)
    assert [wrong.path for wrong in caught.value.all] == [
        "trian",
        "model.depth",
        "model.dropout",
        "data.noise",
        "data.validation",
        "train.annealing",
        "train.epochs",
        "train.optimizer.bta",
        "train.optimizer.lr",
        "train.optimizer.beta1",
        "train.schedule",
        "train.l2.strength",
        "train.metrics.0",
    ]
    assert str(caught.value).count("\n") == 12


def test_missing_sections_come_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        resolve({"train": {"annealing": 1}})
    assert [wrong.path for wrong in caught.value.all] == ["model", "data", "train.annealing"]


def test_no_hint_names_what_does_not_exist_here() -> None:
    with pytest.raises(UnknownName) as caught:
        resolve({"model": {"name": "cifar-resnet", "dropout": 0.1}, "data": "fashion-mnist-mini"})
    assert "a field of a model" not in str(caught.value)
