"""What every data set must do, whether its images are on this machine or not."""

import importlib
from math import prod

import pytest
import torch

from cnnlab.data import DataError, DataSet, Images, Info
from cnnlab.files import published
from cnnlab.files.published import Published
from cnnlab.registry import describe, get, names

DATASETS = names("datasets")
# Those of four IDX files; the others have tests of their own.
IDX = [n for n in DATASETS if hasattr(importlib.import_module(get("datasets", n).__module__), "FILES")]


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no test fetch megabytes: what is not on this machine must be missed in words."""

    def refuse(url: str, limit: int) -> bytes:
        raise DataError(f"{url} cannot be reached: tests stay offline")

    monkeypatch.setattr(published, "download", refuse)


def _files(entry: DataSet) -> Published:
    files = importlib.import_module(entry.__module__).FILES
    assert isinstance(files, Published)
    return files


def _check_images(info: Info, images: Images) -> None:
    assert images.train_x.shape == (info.train, *info.shape)
    assert images.test_x.shape == (info.test, *info.shape)
    for labels in (images.train_y, images.test_y):
        assert sorted(set(labels.tolist())) == list(range(info.classes))
    # Ink on an empty ground: a third of the pixels or more are 0, some are full.
    assert (images.train_x == 0).float().mean() > 1 / 3
    assert images.train_x.max() == 255


@pytest.mark.parametrize("name", IDX)
def test_info_is_what_loading_gives(name: str) -> None:
    entry = get("datasets", name)()
    files = _files(entry)
    if all(files.find(file) for file in (files.train_x, files.train_y, files.test_x, files.test_y)):
        images = entry.load({"name": name})
        _check_images(entry.info({"name": name}), images)
        assert entry.load({"name": name}) is images, (
            "packs follow one another: a process reads a data set once"
        )
    else:
        with pytest.raises(DataError, match=rf"(?s)^{name} needs the file .* set CNNLAB_DATA"):
            entry.load({"name": name})


@pytest.mark.parametrize("name", IDX)
def test_info_agrees_with_the_published_sizes(name: str) -> None:
    entry = get("datasets", name)()
    files, info = _files(entry), entry.info({"name": name})
    assert files.name == name
    assert info.digest == files.digest
    assert files.train_x.size == 16 + info.train * prod(info.shape)
    assert files.test_x.size == 16 + info.test * prod(info.shape)
    assert files.train_y.size == 8 + info.train
    assert files.test_y.size == 8 + info.test


@pytest.mark.parametrize("name", DATASETS)
def test_the_catalog_names_source_and_licence(name: str) -> None:
    entry = describe()["datasets"][name]
    assert "\nSource: " in entry["doc"]
    assert "\nLicence: " in entry["doc"]


def _facts(name: str) -> Info:
    info = get("datasets", name)().info({"name": name})
    assert isinstance(info, Info)
    return info


@pytest.mark.parametrize("name", sorted({*DATASETS} - {"npz", "image-folder", "parquet", "rotated"}))
def test_every_class_has_its_number_of_images_and_its_name(name: str) -> None:
    info = _facts(name)
    assert len(info.class_counts) == info.classes
    assert sum(info.class_counts) == info.train
    assert len(set(info.class_names)) == (info.classes if info.class_names else 0)


@pytest.mark.parametrize("name", ["fashion-mnist-mini", "mnist", "fashion-mnist", "waveforms", "rare-words"])
def test_the_number_of_images_of_a_class_is_what_loading_gives(name: str) -> None:
    try:
        images = get("datasets", name)().load({"name": name})
    except DataError:
        pytest.skip(f"{name} is not on this machine")
    assert tuple(images.train_y.bincount().tolist()) == _facts(name).class_counts


def test_digests_differ() -> None:
    assert len({get("datasets", name)().info({"name": name}).digest for name in IDX}) == len(IDX)


def test_one_data_set_is_always_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CNNLAB_DATA", raising=False)
    images = _files(get("datasets", "fashion-mnist-mini")()).load()
    assert torch.equal(images.train_y.bincount(), torch.full((10,), 600))
    assert torch.equal(images.test_y.bincount(), torch.full((10,), 100))
