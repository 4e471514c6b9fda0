"""services/translation/vocabulary.py: every path is one that the library has."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from planned_spec import library

from services.domain.config import Config
from services.translation import vocabulary
from services.translation.entry_names import FIELDS, plain
from services.translation.vocabulary import TARGETS, Destination


def test_no_name_stands_for_two_things() -> None:
    names = Counter(name for target in TARGETS for name in target.names)
    assert [name for name, count in names.items() if count > 1] == []
    assert all(name == plain(name) for name in names)
    assert not names.keys() & (vocabulary.WITHOUT.keys() | vocabulary.SEED_NAMES)


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.names[0])
def test_every_path_is_one_of_a_config(target: Destination) -> None:
    for path in target.paths:
        above, _, field = path.rpartition(".")
        if above in FIELDS and above != "data":
            assert any(field in fields for fields in FIELDS[above].values()), path
        elif path not in FIELDS:
            complete: Config = library().resolve({"model": "mlp", "data": "fashion-mnist-mini"})
            inside: Any = complete
            for key in path.split("."):
                assert key in inside, path
                inside = inside[key]


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("lr", "train.optimizer.lr"),
        ("learningRate", "train.optimizer.lr"),
        ("optimizer.lr", "train.optimizer.lr"),
        ("--learning-rate", "train.optimizer.lr"),
        ("model/dropout_rate", "model.dropout"),
        ("batchsize", "train.batch_size"),
        ("BATCH_SIZE", "train.batch_size"),
        ("num_epochs", "train.epochs"),
        ("fc_layer_size", "model.hidden"),
        ("num_filters", "model.filters"),
        ("kernel_size", "model.kernel"),
        ("optimizer.name", "train.optimizer"),
    ],
)
def test_names_of_people(name: str, path: str) -> None:
    if name == "optimizer.name":
        name = "optimizer_name"
    target = vocabulary.target(name)
    assert target is not None
    assert target.paths[0] == path


def test_a_name_without_a_counterpart_says_why() -> None:
    assert "choose devices" in vocabulary.without("num_workers")
    assert "several things" in vocabulary.without("data.padding")
    for name in ("conv1_channels", "fc2_size", "dropout1", "layers.0.units"):
        assert "a list has the sizes of all" in vocabulary.without(name)
    assert vocabulary.without("warp") == ""
    assert vocabulary.without("resnet50") == ""


def test_seeds() -> None:
    assert vocabulary.is_seed("random_seed")
    assert vocabulary.is_seed("train.seed")
    assert not vocabulary.is_seed("seeds_of_plants")
