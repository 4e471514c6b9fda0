"""The names that were probably meant: neither case nor hyphens hide them."""

import pytest

from cnnlab import resolve
from cnnlab.errors import UnknownName, nearest

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
        ({"optimizer": "adamw"}, "AdamW is optimizer: adam with train.weight-decay"),
        ({"optimizer": {"name": "adam", "weight_decay": 0.1}}, "that of AdamW is train.weight-decay"),
        ({"learning_rate": 0.1}, "train.optimizer.lr"),
        ({"lr": 0.1}, "train.optimizer.lr"),
        ({"dropout": 0.1}, "model.dropout"),
    ],
)
def test_names_of_other_libraries_lead_to_ours(train, hint):
    with pytest.raises(UnknownName, match=hint):
        resolve({"model": "lenet5", "data": "mnist", "train": train})
