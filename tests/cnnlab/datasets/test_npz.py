"""Own arrays: what is read, what is refused in words, and that a content is what it was planned with."""

from __future__ import annotations

import hashlib
import io
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from cnnlab import resolve
from cnnlab.config import shape_key
from cnnlab.data import DataError, data_set
from cnnlab.datasets import npz
from cnnlab.engine.cost import inspect
from cnnlab.errors import ConfigError
from cnnlab.fit import fit

X = np.arange(12 * 5 * 6, dtype=np.uint8).reshape(12, 5, 6)
Y = np.arange(12) % 3
GOOD = {"train_x": X, "train_y": Y}
TESTS = {"test_x": X[:4], "test_y": Y[:4]}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("CNNLAB_DATA", str(tmp_path))
    yield tmp_path
    npz._images.cache_clear()


def put(folder: Path, name: str = "d.npz", **arrays: Any) -> dict[str, Any]:
    """Write a file and return the section that names it."""
    np.savez(folder / name, **arrays)
    return {"name": "npz", "path": name}


def section(data: dict[str, Any]) -> dict[str, Any]:
    resolved: dict[str, Any] = resolve({"model": "mlp", "data": data})["data"]
    return resolved


def test_classes_may_have_names(folder: Path) -> None:
    names = np.array(["big cats", "kleine Hünde", "c"])
    config = resolve({"model": "mlp", "data": put(folder, **GOOD, class_names=names) | {"validation": 0.25}})
    assert inspect(config).class_names == ("big cats", "kleine Hünde", "c")
    assert (
        inspect(
            resolve({"model": "mlp", "data": put(folder, "e.npz", **GOOD) | {"validation": 0.25}})
        ).class_names
        == ()
    )


@pytest.mark.parametrize(
    "names",
    [["a", "b"], ["a", "b", "a"], ["a", "", "c"], [1, 2, 3], ["x" * 101, "b", "c"], [["a", "b", "c"]]],
)
def test_wrong_names_of_classes_are_refused(folder: Path, names: list[Any]) -> None:
    data = put(folder, **GOOD, class_names=np.array(names))
    with pytest.raises(ConfigError, match=r"d\.npz: class_names must be (different )?texts"):
        inspect(resolve({"model": "mlp", "data": data}))


def test_grey_and_coloured_images(folder: Path) -> None:
    data = section(put(folder, **GOOD, **TESTS))
    info, images = data_set(data).info(data), data_set(data).load(data)
    assert (info.shape, info.classes, info.train, info.test) == ((1, 5, 6), 3, 12, 4)
    assert torch.equal(images.train_x, torch.from_numpy(X)[:, None])
    assert images.train_y.tolist() == Y.tolist()
    assert torch.equal(images.test_x, torch.from_numpy(X[:4])[:, None])
    assert data_set(data).load(data) is images
    colour = np.stack([X, X // 2, X // 3], axis=3)
    data = section(put(folder, "c.npz", train_x=colour, train_y=Y.astype(np.uint8)))
    info, images = data_set(data).info(data), data_set(data).load(data)
    assert (info.shape, info.test) == ((3, 5, 6), 0)
    assert torch.equal(images.train_x[:, 1], torch.from_numpy(X // 2))
    assert images.test_x.shape == (0, 3, 5, 6)


def test_packed_and_fortran_ordered_arrays_are_the_same_images(folder: Path) -> None:
    np.savez_compressed(folder / "p.npz", train_x=np.asfortranarray(X), train_y=Y, names=np.array(["a"]))
    data = section({"name": "npz", "path": "p.npz"})
    assert torch.equal(data_set(data).load(data).train_x, torch.from_numpy(X)[:, None])


def test_they_train(folder: Path) -> None:
    data = put(folder, **GOOD) | {"validation": 0.25}
    (report,) = fit({"model": "mlp", "data": data, "train": {"epochs": 1, "batch_size": 4}})
    assert report.metrics["train/loss"] > 0


def test_the_content_is_part_of_the_shape(folder: Path) -> None:
    data = put(folder, **GOOD)
    first = resolve({"model": "mlp", "data": data})
    digest = hashlib.sha256((folder / "d.npz").read_bytes()).hexdigest()
    assert (
        first["data"].items() >= {"name": "npz", "path": "d.npz", "sha256": digest, "validation": 0.1}.items()
    )
    put(folder, train_x=X[::-1], train_y=Y)
    second = resolve({"model": "mlp", "data": data})
    assert second["data"]["sha256"] != digest
    assert shape_key(first) != shape_key(second)
    assert resolve(first) == first, "what is complete stays so, whatever is there now"


def test_another_content_than_planned_is_refused_before_anything_is_loaded(folder: Path) -> None:
    config = resolve({"model": "mlp", "data": put(folder, **GOOD)})
    put(folder, train_x=X[::-1], train_y=Y)
    now = hashlib.sha256((folder / "d.npz").read_bytes()).hexdigest()
    words = f"d.npz has SHA-256 {now}, but the sweep was planned with {config['data']['sha256']}"
    with pytest.raises(DataError, match=words):
        data_set(config["data"]).load(config["data"])
    with pytest.raises(ConfigError, match=words) as caught:
        inspect(config)
    assert caught.value.path == "data.path"


def test_a_file_that_changes_between_look_and_load_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = section(put(folder, **GOOD))
    state = (folder / "d.npz").stat()
    put(folder, train_x=X[::-1], train_y=Y)
    os.utime(folder / "d.npz", ns=(state.st_atime_ns, state.st_mtime_ns))  # same size, time and inode
    assert data_set(data).info(data).train == 12
    with pytest.raises(DataError, match="but the sweep was planned with"):
        data_set(data).load(data)


OBJECTS = np.array([None] * 12, dtype=object)
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "other names": ({"images": X, "labels": Y}, r"train_x, train_y is missing, it holds images, labels"),
    "half a test": (GOOD | {"test_x": X}, r"test_y is missing"),
    "floats": (GOOD | {"train_x": X / 255}, r"train_x must be uint8 .* got float64 of shape \(12, 5, 6\)"),
    "flat images": (GOOD | {"train_x": X.reshape(12, 30)}, r"got uint8 of shape \(12, 30\)"),
    "channels first": (GOOD | {"train_x": X[:, None]}, r"channels come last: transpose\(0, 2, 3, 1\)"),
    "many channels": (GOOD | {"train_x": X[:, :, None] * np.ones((1, 1, 6, 1), np.uint8)}, "1 to 4 channels"),
    "objects": (GOOD | {"train_y": OBJECTS}, r"Python objects are never read"),
    "object images": (GOOD | {"train_x": OBJECTS}, r"Python objects are never read"),
    "float labels": (GOOD | {"train_y": Y.astype(float)}, r"train_y must be integers \(N,\)"),
    "one-hot labels": (GOOD | {"train_y": np.eye(3, dtype=int)[Y]}, r"got int64 of shape \(12, 3\)"),
    "other lengths": (GOOD | {"train_y": Y[:11]}, r"equally long, got 12 and 11"),
    "no images": ({"train_x": X[:0], "train_y": Y[:0]}, r"train_x must hold images"),
    "an empty test": (GOOD | {"test_x": X[:0], "test_y": Y[:0]}, r"test_x must hold images"),
    "gaps": (GOOD | {"train_y": Y * 2}, r"no image has 1, 3"),
    "from one": (GOOD | {"train_y": Y + 1}, r"no image has 0"),
    "one class": (GOOD | {"train_y": Y * 0}, r"all images are of one class"),
    "negative labels": (GOOD | {"train_y": Y - 1}, r"got -1 to 1"),
    "huge labels": (
        GOOD | {"train_y": Y.astype(np.uint64) + (1 << 63)},
        r"got 9223372036854775808",
    ),
    "an unknown class": (GOOD | TESTS | {"test_y": Y[:4] + 3}, r"test_y has the class 5"),
    "another size": (
        GOOD | TESTS | {"test_x": X[:4, :4]},
        r"have images of one shape, got \[\(1, 5, 6\), \(1, 4, 6\)\]",
    ),
}


@pytest.mark.parametrize(("arrays", "words"), REFUSED.values(), ids=REFUSED)
def test_what_is_wrong_is_refused_at_submit(folder: Path, arrays: dict[str, Any], words: str) -> None:
    config = resolve({"model": "mlp", "data": put(folder, **arrays)})
    with pytest.raises(ConfigError, match=words) as caught:
        inspect(config)
    assert caught.value.path == "data.path"
    assert "d.npz" in caught.value.message
    with pytest.raises(DataError, match=words):
        data_set(config["data"]).load(config["data"])


def test_nothing_is_unpickled(folder: Path) -> None:
    class Bomb:
        def __reduce__(self) -> Any:
            return (Path.touch, (folder / "ran",))

    put(folder, **GOOD | {"train_y": np.array([Bomb()] * 12, dtype=object)})
    data = section({"name": "npz", "path": "d.npz"})
    with pytest.raises(DataError):
        data_set(data).load(data)
    assert not (folder / "ran").exists()


def damaged(content: bytes, kind: str) -> bytes:
    if kind == "cut":
        return content[:-100]
    if kind == "no zip":
        return b"PK" + content[500:900]
    if kind == "empty":
        return b""
    at = content.index(X.tobytes()[:60]) + 30  # a flipped bit in the pixels: the CRC of the zip tells
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


@pytest.mark.parametrize("kind", ["cut", "no zip", "empty", "flipped"])
def test_a_damaged_file_is_named(folder: Path, kind: str) -> None:
    put(folder, **GOOD)
    file = folder / "d.npz"
    file.write_bytes(damaged(file.read_bytes(), kind))
    data = section({"name": "npz", "path": "d.npz"})
    with pytest.raises(DataError, match=r"d\.npz.* is damaged or not an \.npz"):
        data_set(data).load(data)


@pytest.mark.parametrize(
    ("images", "side", "words"),
    [
        (10_000_000, 50, "must have at most 8,589,934,592 bytes of arrays"),
        (1 << 40, 5, "train_x must have at most 20,000,000 images, got 1,099,511,627,776"),
        (900_000_000, 1, "train_x must have at most 20,000,000 images, got 900,000,000"),
    ],
)
def test_a_header_that_promises_too_much_is_refused_unread(
    folder: Path, images: int, side: int, words: str
) -> None:
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        head, {"descr": "|u1", "fortran_order": False, "shape": (images, side, side)}
    )
    labels = io.BytesIO()
    np.lib.format.write_array_header_1_0(labels, {"descr": "<i8", "fortran_order": False, "shape": (images,)})
    with zipfile.ZipFile(folder / "d.npz", "w") as archive:
        archive.writestr("train_x.npy", head.getvalue())
        archive.writestr("train_y.npy", labels.getvalue())
    data = section({"name": "npz", "path": "d.npz"})
    with pytest.raises(DataError, match=words):
        data_set(data).load(data)


def test_without_test_images_none_can_be_asked_for(folder: Path) -> None:
    config = {"model": "mlp", "data": put(folder, **GOOD), "train": {"test": "best"}}
    with pytest.raises(ConfigError, match=r"^train\.test: must be never"):
        inspect(resolve(config))


@pytest.mark.parametrize(
    "header",
    ["{'descr': '|u1', 'shape': (12, 5", "{[]: 1}", "  a\n b", "'''", "{'descr': '|u1'}", "9" * 5000],
)
def test_a_header_that_is_no_header_is_refused(folder: Path, header: str) -> None:
    labels = io.BytesIO()
    np.save(labels, Y)
    text = header.encode() + b"\n"
    with zipfile.ZipFile(folder / "d.npz", "w") as archive:
        archive.writestr(
            "train_x.npy", b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + bytes(X)
        )
        archive.writestr("train_y.npy", labels.getvalue())
    data = section({"name": "npz", "path": "d.npz"})
    with pytest.raises(DataError, match=r"d\.npz: train_x is damaged or not an \.npz"):
        data_set(data).info(data)


def test_every_way_to_pack_can_be_damaged(folder: Path) -> None:
    content = io.BytesIO()
    np.save(content, X)
    for packed in (zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        with zipfile.ZipFile(folder / "d.npz", "w", packed) as archive:
            for name in GOOD:
                archive.writestr(f"{name}.npy", content.getvalue())
            at = archive.infolist()[0].header_offset + 30 + len("train_x.npy") + 20
        whole = (folder / "d.npz").read_bytes()
        (folder / "d.npz").write_bytes(whole[:at] + b"\xff" * 40 + whole[at + 40 :])
        data = section({"name": "npz", "path": "d.npz"})
        with pytest.raises(DataError, match=r"d\.npz: train_x is damaged"):
            data_set(data).info(data)


def test_a_member_that_is_no_array_is_missing(folder: Path) -> None:
    with zipfile.ZipFile(folder / "d.npz", "w") as archive:
        archive.writestr("train_x", b"")
        archive.writestr("train_y.npy", b"")
    data = section({"name": "npz", "path": "d.npz"})
    with pytest.raises(DataError, match="train_x is missing, it holds train_y"):
        data_set(data).info(data)
