"""Folds partition the images, fractions are nested, and a given validation part is used as it is."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cnnlab import resolve
from cnnlab.batching import validation_part
from cnnlab.batching.partition import folds, partition, subset
from cnnlab.data import Info, seen
from cnnlab.engine.cost import inspect
from cnnlab.errors import CnnlabError, ConfigError
from cnnlab.fit import Fit, Row

COUNTS = st.lists(st.integers(1, 40), min_size=1, max_size=6)
SHARE = {"validation": 0.1, "folds": 0, "fraction": 1.0, "stream": "replicate"}


def targets_of(counts: list[int]) -> torch.Tensor:
    labels = torch.arange(len(counts)).repeat_interleave(torch.tensor(counts))
    return labels[torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))]


def info_of(counts: list[int]) -> Info:
    return Info((1, 8, 8), len(counts), sum(counts), 0, class_counts=tuple(counts), labels=targets_of(counts))


@given(COUNTS, st.integers(2, 7), st.integers(0, 99))
def test_folds_partition_the_images_and_each_class_evenly(counts: list[int], k: int, seed: int) -> None:
    targets, info, data = targets_of(counts), info_of(counts), SHARE | {"folds": k}
    held = []
    for fold in range(k):
        train, validation = partition(targets, info, data, seed, fold)
        assert sorted([*train.tolist(), *validation.tolist()]) == list(range(len(targets)))
        held.append(validation)
    assert sorted(torch.cat(held).tolist()) == list(range(len(targets)))
    assert max(map(len, held)) - min(map(len, held)) <= 1
    by_class = torch.stack([targets[part].bincount(minlength=len(counts)) for part in held])
    assert (by_class.amax(0) - by_class.amin(0)).max() <= 1
    assert validation_part.sizes(info, data) == (len(targets) - len(held[0]), len(targets))


def test_a_replicate_has_its_fold_and_another_seed_other_folds() -> None:
    targets = targets_of([30, 20])
    assert torch.equal(folds(targets, 5, 0), folds(targets, 5, 0))
    assert not torch.equal(folds(targets, 5, 0), folds(targets, 5, 1))
    data, info = SHARE | {"folds": 5}, info_of([30, 20])
    seventh, second = (partition(targets, info, data, 0, replicate)[1] for replicate in (7, 2))
    assert torch.equal(seventh, second)
    numbers = folds(torch.linspace(0, 1, 23), 4, 0)  # one class
    assert sorted(numbers.bincount().tolist()) == [5, 6, 6, 6]


@given(COUNTS, st.floats(0.01, 1), st.floats(0.01, 1), st.integers(0, 99))
def test_a_smaller_fraction_is_part_of_a_larger_one(
    counts: list[int], one: float, other: float, seed: int
) -> None:
    targets, info = targets_of(counts), info_of(counts)
    small, large = sorted((one, other))
    kept, more = (partition(targets, info, SHARE | {"fraction": each}, seed, 0) for each in (small, large))
    assert torch.equal(kept[1], more[1])  # validated on the same images
    assert set(kept[0].tolist()) <= set(more[0].tolist())
    whole = partition(targets, info, SHARE, seed, 0)[0]
    assert set(more[0].tolist()) <= set(whole.tolist())
    for label, n in enumerate(targets[whole].bincount(minlength=len(counts)).tolist()):
        assert int((targets[kept[0]] == label).sum()) == (max(1, round(small * n)) if n else 0)
    assert validation_part.sizes(info, SHARE | {"fraction": small}).train == len(kept[0])


def test_the_whole_is_as_without_a_fraction() -> None:
    train = torch.tensor([0, 2, 3])
    assert subset(targets_of([3, 2]), train, 1.0, 0) is train


@pytest.fixture
def section(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Write images whose pixels are their index, and return the section that names them."""
    monkeypatch.setenv("CNNLAB_DATA", str(tmp_path))
    x = np.arange(40, dtype=np.uint8).repeat(64).reshape(40, 8, 8)
    np.savez(tmp_path / "plain.npz", train_x=x, train_y=np.arange(40) % 2)
    own = {"val_x": x[:6] + 100, "val_y": np.arange(6) % 2}
    np.savez(tmp_path / "own.npz", train_x=x, train_y=np.arange(40) % 2, **own)
    return {"name": "npz", "path": "plain.npz"}


def config(data: Any, **train: Any) -> dict[str, Any]:
    train = {"epochs": 1, "batch_size": 8, **train}
    resolved: dict[str, Any] = resolve(
        {"model": {"name": "mlp", "hidden": [4]}, "data": data, "train": train}
    )
    return resolved


def shown(part: Any) -> list[int]:
    return sorted(int(image.flatten()[0]) for image in part.x)


def test_an_own_part_is_validated_on_and_all_else_trained_on(section: dict[str, Any]) -> None:
    own = config(section | {"path": "own.npz", "validation": 0.5})
    one = Fit([Row(own, 0)])
    assert shown(one.data.validation) == list(range(100, 106))
    assert shown(one.data.train) == list(range(40))
    (report,) = one.run_epoch() or []
    assert "val/acc" in report.metrics
    facts = inspect(own)
    assert "validated on the 6 images of the data set's own part" in facts.notes[0]
    assert facts.bytes_data == 46 * 72


def test_a_part_by_indices_is_validated_on(section: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "val.json").write_text(json.dumps([9, 0, 3]))
    own = config(section | {"validation_indices": "val.json"})
    assert resolve(own) == own
    one = Fit([Row(own, 0)])
    assert shown(one.data.validation) == [0, 3, 9]
    assert shown(one.data.train) == sorted(set(range(40)) - {0, 3, 9})
    assert validation_part.sizes(seen(own["data"]), own["data"]) == (37, 3)
    assert "validated on the 3 training images that val.json names" in inspect(own).notes[0]


def test_rows_of_one_fold_train_on_the_others(section: dict[str, Any]) -> None:
    own = config(section | {"folds": 4})
    fits = [
        Fit([Row(own, 0, replicate), Row(own, 1, replicate + 4)], mixed="always") for replicate in range(4)
    ]
    held = [shown(one.data.validation) for one in fits]
    assert sorted(image for part in held for image in part) == list(range(40))
    for one, part in zip(fits, held, strict=True):
        assert shown(one.data.train) == sorted(set(range(40)) - set(part))
    with pytest.raises(CnnlabError, match=r"must have one fold, as they share images; got \[0, 1\]"):
        Fit([Row(own, 0, 0), Row(own, 1, 1)])


def test_a_fraction_trains_on_fewer_images(section: dict[str, Any]) -> None:
    small, large = (Fit([Row(config(section | {"fraction": share}), 0)]) for share in (0.25, 0.5))
    assert (len(small.data.train), len(large.data.train)) == (8, 18)
    assert set(shown(small.data.train)) <= set(shown(large.data.train))
    assert shown(small.data.validation) == shown(large.data.validation)
    assert small.data.mean != large.data.mean  # of what is trained on


@pytest.mark.parametrize(
    ("data", "path", "words"),
    [
        ({"folds": 1}, "data.folds", "must be 0, for none, or from 2 to 100; got 1"),
        ({"folds": -1}, "data.folds", "must be an integer from 0 to 100, got -1"),
        ({"folds": 2.5}, "data.folds", "must be an integer from 0 to 100, got 2.5"),
        ({"folds": "many"}, "data.folds", "must be an integer from 0 to 100, got 'many'"),
        (
            {"folds": 21},
            "data.folds",
            "must be 0 or at most 20: .* the classes 0, 1 have at least 20; got 21",
        ),
        ({"folds": 3, "stream": "trial"}, "data.stream", "must be replicate with data.folds 3, got trial"),
        (
            {"folds": 3, "path": "own.npz"},
            "data.folds",
            "must be 0: the data set has a validation part of its own, 6",
        ),
        (
            {"folds": 3, "validation_indices": "v.json"},
            "data.folds",
            "must be 0: data.validation_indices names",
        ),
        (
            {"path": "own.npz", "validation_indices": "v.json"},
            "data.validation_indices",
            "left out: .* got v.json",
        ),
        (
            {"validation_indices": "odd.json"},
            "data.validation_indices",
            "odd.json must leave .* all of the class 1",
        ),
        ({"validation_indices": "far.json"}, "data.validation_indices", "value 1 .* 0 to 39; got 40"),
        ({"fraction": 0}, "data.fraction", "must be a number from 1e-06 to 1, got 0"),
        ({"fraction": 1.1}, "data.fraction", "must be a number from 1e-06 to 1, got 1.1"),
        ({"fraction": "half"}, "data.fraction", "must be a number"),
        (
            {"fraction": 0.02},
            "data.fraction",
            "must be at least 0.025: each of the 2 classes .* got 0.02 of 40",
        ),
    ],
)
def test_what_cannot_be_is_refused_with_what_can(
    section: dict[str, Any], tmp_path: Path, data: dict[str, Any], path: str, words: str
) -> None:
    (tmp_path / "v.json").write_text("[1]")
    (tmp_path / "far.json").write_text("[40]")
    (tmp_path / "odd.json").write_text(json.dumps(list(range(1, 40, 2))))
    with pytest.raises(ConfigError, match=words) as caught:
        inspect(config(section | data))
    assert caught.value.path == path


def test_a_class_smaller_than_the_folds_is_named(section: dict[str, Any], tmp_path: Path) -> None:
    names = np.array(["cats", "dogs"])
    x = np.zeros((9, 8, 8), np.uint8)
    np.savez(tmp_path / "few.npz", train_x=x, train_y=[0] * 6 + [1] * 3, class_names=names)
    with pytest.raises(ConfigError, match=r"must be 0 or at most 3: .* the class 'dogs' has 3; got 5"):
        inspect(config(section | {"path": "few.npz", "folds": 5}))
