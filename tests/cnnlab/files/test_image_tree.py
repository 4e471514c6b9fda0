"""Trees of images by what people have: a part to validate on, a table of labels, images in two parts."""

import hashlib
import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from cnnlab import resolve
from cnnlab.data import DataError, data_set
from cnnlab.datasets import image_folder
from cnnlab.engine.cost import inspect
from cnnlab.files import image_tree
from cnnlab.fit import fit

KINDS = pytest.mark.parametrize("kind", ["folder", "zip"])


def picture(value: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.full((8, 8, 3), value, np.uint8)).save(file, "PNG")
    return file.getvalue()


FILES = {
    "train/dogs/b.png": picture(10),
    "train/dogs/a.png": picture(20),
    "train/cats/1.PNG": picture(30),
    "train/cats/2.png": picture(40),
    "test/cats/9.png": picture(50),
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CNNLAB_DATA", str(tmp_path))
    return tmp_path


def put(folder: Path, files: dict[str, bytes], kind: str = "folder", around: str = "") -> dict[str, Any]:
    """Write a tree as a folder or as a .zip and return the section that names it."""
    if kind == "zip":
        with zipfile.ZipFile(folder / "pets.zip", "w") as archive:
            for name, content in files.items():
                archive.writestr(around + name, content)
    for name, content in files.items() if kind == "folder" else ():
        (folder / "pets" / around / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "pets" / around / name).write_bytes(content)
    image_folder._images.cache_clear()
    image_tree._last_listing.cache_clear()  # of at most two seconds ago
    return {"name": "image-folder", "path": "pets.zip" if kind == "zip" else "pets", "size": 8}


def section(data: dict[str, Any]) -> dict[str, Any]:
    resolved: dict[str, Any] = resolve({"model": "mlp", "data": data})["data"]
    return resolved


def pixels(content: bytes) -> torch.Tensor:
    return torch.from_numpy(np.array(Image.open(io.BytesIO(content)))).permute(2, 0, 1)


@KINDS
def test_a_folder_val_is_the_validation_part(folder: Path, kind: str) -> None:
    own = {"Validation/cats/1.png": picture(60), "Validation/cats/2.png": picture(50)}
    data = section(put(folder, FILES | own, kind))
    info, images = data_set(data).info(data), data_set(data).load(data)
    assert (info.train, info.validation, info.test) == (4, 2, 1)
    assert images.val_x is not None
    assert torch.equal(images.val_x[0], pixels(own["Validation/cats/1.png"]))
    assert info.notes == (
        "1 of 1 test images are validation images, too: test/cats/9.png is Validation/cats/2.png",
    )
    config = resolve({"model": "mlp", "data": data, "train": {"epochs": 1}})
    first, second, *_ = inspect(config).notes
    assert first.startswith("validated on the 2 images of the data set's own part")
    assert second == "the validation part has no image of the class 'dogs'"
    (report,) = fit(config)
    assert report.metrics["val/acc"] in (0, 0.5, 1)


@KINDS
@pytest.mark.parametrize("around", ["", "all/"])
def test_a_table_of_labels(folder: Path, kind: str, around: str) -> None:
    files = {f"images/{name}.png": picture(10 * name) for name in range(1, 6)}
    rows = "".join(f"{name}.png,{label},{part}\n" for name, label, part in [
        (2, "dogs", "train"), (1, "cats", "train"), (3, "dogs", "val"), (5, "cats", "test"),
    ])  # fmt: skip
    table = {"labels.csv": f"file,label,split\n{rows}".encode()}
    data = section(put(folder, files | table, kind, around))
    info, images = data_set(data).info(data), data_set(data).load(data)
    assert (info.class_names, info.train, info.validation, info.test) == (("cats", "dogs"), 2, 1, 1)
    assert info.notes[0] == f"1 images are not in {around}labels.csv and are not used"
    assert images.train_y.tolist() == [1, 0]
    assert torch.equal(images.train_x, torch.stack([pixels(files[f"images/{n}.png"]) for n in (2, 1)]))
    table["labels.csv"] = table["labels.csv"].replace(b"2.png,dogs", b"4.png,dogs")
    put(folder, files | table, kind, around)
    with pytest.raises(DataError, match="planned with"):
        data_set(data).load(data)


def test_the_digest_of_a_folder_with_a_table_is_that_of_sha256sum(folder: Path) -> None:
    files = {"a/1.png": picture(1), "a/2.png": picture(2), "labels.csv": b"file,label\n1.png,x\n2.png,y\n"}
    lines = [f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in sorted(files.items())]
    assert section(put(folder, files))["sha256"] == hashlib.sha256("".join(lines).encode()).hexdigest()


def test_equal_checksums_alone_make_no_equal_images(folder: Path) -> None:
    """The CRC-32 of plumless and buckeroo is the same, and so is their length."""
    files = {"train/a/1.png": b"plumless", "train/b/2.png": b"other", "val/a/3.png": b"buckeroo"}
    put(folder, files, "zip")
    source = image_tree.Source(folder / "pets.zip", "pets.zip")
    assert source.shared() == ()
    put(folder, files | {"val/b/4.png": b"plumless"}, "zip")
    (note,) = source.shared()
    assert note == "1 of 2 validation images are training images, too: val/b/4.png is train/a/1.png"
