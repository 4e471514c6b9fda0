"""CIFAR-10's binary layout, on files made up in it: found, checked, read, and never unpacked to disk."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from cnnlab.data import DataError, Images
from cnnlab.datasets import cifar10
from cnnlab.fixed_data import images_of

DATA = {"name": "cifar10"}


@pytest.fixture(autouse=True)
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Files of twenty records instead of ten thousand; nothing is fetched."""

    def refuse(url: str, limit: int) -> bytes:
        raise DataError(f"{url} cannot be reached: tests stay offline")

    monkeypatch.setattr(cifar10, "download", refuse)
    monkeypatch.setattr(cifar10, "RECORDS", 20)
    monkeypatch.setenv("CNNLAB_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    images_of.cache_clear()
    yield tmp_path
    images_of.cache_clear()


def made(first: int) -> bytes:
    """Twenty records, two of each class; all pixels of a plane are record + plane number."""
    records = []
    for record in range(20):
        planes = (bytes([first + record + plane]) * 1024 for plane in range(3))
        records.append(bytes([record % 10]) + b"".join(planes))
    return b"".join(records)


FILES = {name: made(20 * i) for i, name in enumerate((*cifar10.TRAIN, *cifar10.TEST))}


def put(folder: Path, files: dict[str, bytes] = FILES) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)


def packed(files: dict[str, bytes]) -> bytes:
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w:gz") as archive:
        for name, content in {"../escape.bin": b"x", **files}.items():
            member = tarfile.TarInfo(f"{cifar10.MEMBERS}/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return whole.getvalue()


def load() -> Images:
    return cifar10.Cifar10().load(DATA)


def check(images: Images) -> None:
    assert images.train_x.shape == (100, 3, 32, 32)
    assert images.train_y.tolist() == [*range(10)] * 10
    assert images.test_y.tolist() == [*range(10)] * 2
    for image, first in ((images.train_x[27], 27), (images.test_x[3], 103)):
        assert torch.equal(image, torch.arange(first, first + 3)[:, None, None].expand(3, 32, 32).byte())


def test_the_published_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    info = cifar10.Cifar10().info(DATA)
    assert (info.shape, info.classes, info.train, info.test) == ((3, 32, 32), 10, 50_000, 10_000)
    assert cifar10.RECORD * cifar10.RECORDS == 30_730_000


@pytest.mark.parametrize(
    "place",
    [
        "data/cifar10",
        "data/cifar-10-batches-bin",
        "data/cifar10/cifar-10-batches-bin",
        "cache/cnnlab/cifar10",
    ],
)
def test_the_six_files_are_found(small: Path, place: str) -> None:
    put(small / place)
    check(load())
    assert load() is load()


def test_the_archive_is_read_in_memory(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = packed(FILES)
    monkeypatch.setattr(cifar10, "MD5", hashlib.md5(archive).hexdigest())
    put(small / "data" / "cifar10", {cifar10.ARCHIVE: archive})
    check(load())
    assert [path.name for path in small.rglob("*") if path.is_file()] == [cifar10.ARCHIVE]


def test_another_archive_is_refused(small: Path) -> None:
    archive = packed(FILES)
    put(small / "data" / "cifar10", {cifar10.ARCHIVE: archive})
    got = hashlib.md5(archive).hexdigest()
    with pytest.raises(DataError, match=f"must be c32a1d4ab5d03f1284b67883e8d87530, got {got}"):
        load()


@pytest.mark.parametrize("fault", ["cut", "member"])
def test_a_damaged_archive_is_named(small: Path, monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    archive = packed(FILES)[:-200] if fault == "cut" else packed({"data_batch_1.bin": b"x"})
    monkeypatch.setattr(cifar10, "MD5", hashlib.md5(archive).hexdigest())
    put(small / "data" / "cifar10", {cifar10.ARCHIVE: archive})
    with pytest.raises(DataError, match=r"cifar-10-binary\.tar\.gz is damaged"):
        load()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (made(0)[:-1], r"^data_batch_2\.bin must have 61,460 bytes, 20 records of 3,073; got 61,459"),
        (made(0) + b"x", r"got 61,461"),
        (b"\x0a" + made(0)[1:], r"must hold 10 images of each of the classes 0 … 9"),
        (b"\x01" + made(0)[1:], r"must hold 10 images of each of the classes 0 … 9"),
    ],
)
def test_damaged_files_are_refused(small: Path, content: bytes, words: str) -> None:
    put(small / "data" / "cifar10", FILES | {"data_batch_2.bin": content})
    with pytest.raises(DataError, match=words):
        load()


def test_what_is_nowhere_is_fetched_checked_and_kept(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match=r"(?s)^cifar10 needs .* tests stay offline.* set CNNLAB_DATA"):
        load()
    archive = packed(FILES)
    monkeypatch.setattr(cifar10, "download", lambda url, limit: archive)
    with pytest.raises(DataError, match="is not the published archive"):
        load()
    assert not (small / "cache").exists()
    monkeypatch.setattr(cifar10, "MD5", hashlib.md5(archive).hexdigest())
    check(load())
    assert (small / "cache" / "cnnlab" / "cifar10" / cifar10.ARCHIVE).read_bytes() == archive
