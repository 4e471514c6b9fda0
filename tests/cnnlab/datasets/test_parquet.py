"""Own images in Parquet: files, folders and archives as hubs store them, and what is refused by name."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch
from PIL import Image
from pyarrow import parquet as pq

from cnnlab import resolve
from cnnlab.data import DataError, data_set
from cnnlab.engine.cost import inspect
from cnnlab.errors import ConfigError
from cnnlab.files import parquet_files
from cnnlab.fit import fit


def picture(value: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.full((8, 8, 3), value, np.uint8)).save(file, "PNG")
    return file.getvalue()


def table(
    images: list[Any], labels: list[Any], names: list[str] | None = None, column: str = "image"
) -> bytes:
    made = pa.table({column: images, "label": labels})
    if names:
        features = {"info": {"features": {"label": {"names": names, "_type": "ClassLabel"}}}}
        made = made.replace_schema_metadata({"huggingface": json.dumps(features)})
    file = io.BytesIO()
    pq.write_table(made, file)
    return file.getvalue()


def encoded(*values: int) -> list[dict[str, Any]]:
    return [{"bytes": picture(value), "path": f"{value}.png"} for value in values]


FILES = {
    "data/train-00000-of-00002.parquet": table(encoded(10, 20), [1, 0], ["cats", "dogs"]),
    "data/train-00001-of-00002.parquet": table(encoded(30, 40), [0, 1], ["cats", "dogs"]),
    "data/validation-00000-of-00001.parquet": table(encoded(50, 20), [1, 1], ["cats", "dogs"]),
    "data/test-00000-of-00001.parquet": table(encoded(60), [0], ["cats", "dogs"]),
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CNNLAB_DATA", str(tmp_path))
    return tmp_path


def put(folder: Path, files: dict[str, bytes], kind: str = "folder") -> dict[str, Any]:
    if kind == "zip":
        with zipfile.ZipFile(folder / "pets.zip", "w") as archive:
            for name, content in files.items():
                archive.writestr(name, content)
    for name, content in files.items() if kind == "folder" else ():
        (folder / "pets" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "pets" / name).write_bytes(content)
    return {"name": "parquet", "path": "pets.zip" if kind == "zip" else "pets", "size": 8}


def section(data: dict[str, Any]) -> dict[str, Any]:
    resolved: dict[str, Any] = resolve({"model": "mlp", "data": data})["data"]
    return resolved


@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_files_as_hubs_store_them(folder: Path, kind: str) -> None:
    data = section(put(folder, FILES | {"README.md": b"x"}, kind))
    info, images = data_set(data).info(data), data_set(data).load(data)
    assert (info.class_names, info.train, info.validation, info.test) == (("cats", "dogs"), 4, 2, 1)
    assert info.class_counts == (2, 2)
    assert images.train_x[:, 0, 0, 0].tolist() == [10, 20, 30, 40]
    assert images.train_y.tolist() == [1, 0, 0, 1]
    assert images.val_x is not None
    assert images.val_x[:, 2, 7, 7].tolist() == [50, 20]
    assert info.val_labels is not None
    assert info.val_labels.tolist() == images.val_y.tolist()
    assert torch.equal(images.test_y, torch.tensor([0]))
    assert info.notes == (
        "1 of 2 validation images are training images, too: image 2 of val is image 2 of train",
    )
    config = resolve({"model": "mlp", "data": data, "train": {"epochs": 1}})
    assert inspect(config).notes[0].startswith("validated on the 2 images of the data set's own part")
    assert "val/acc" in fit(config)[0].metrics


def test_one_file_is_to_train_on_and_labels_may_be_texts(folder: Path) -> None:
    (folder / "all.parquet").write_bytes(
        table([picture(1), picture(2), picture(3)], ["b", "a", "b"], column="img")
    )
    data = section({"name": "parquet", "path": "all.parquet", "image": "img", "size": 8})
    info = data_set(data).info(data)
    assert (info.class_names, info.train, info.test, info.class_counts) == (("a", "b"), 3, 0, (1, 2))
    assert data_set(data).load(data).train_y.tolist() == [1, 0, 1]


def test_a_folder_names_the_part(folder: Path) -> None:
    two = table(encoded(1, 2), [0, 1])
    data = section(put(folder, {"Training/0.parquet": two, "Testing/0.parquet": two}))
    info = data_set(data).info(data)
    assert (info.train, info.test, info.class_names) == (2, 2, ())


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"train.parquet": b"PAR1 no"}, "pets: train.parquet is damaged or no Parquet"),
        ({"train.parquet": FILES["data/test-00000-of-00001.parquet"][:-9]}, "train.parquet is damaged"),
        ({"train.parquet": table([{"bytes": None, "path": "1.png"}, *encoded(2)], [0, 1])},
         "train.parquet row 1: image must hold the bytes of an encoded image, got an image elsewhere"),
        ({"train.parquet": table([3, 4], [0, 1])}, "row 1: image must hold the bytes .* got int"),
        ({"train.parquet": table([b"GIF89a", picture(1)], [0, 1])}, "row 1 is not a PNG, JPEG"),
        ({"train.parquet": table(encoded(1, 2), [0, None])}, "row 2: label must be an integer .*, got None"),
        ({"train.parquet": table(encoded(1, 2), [0.5, 1.0])}, "row 1: label must be an integer .*, got 0.5"),
        ({"train.parquet": table(encoded(1, 2), [0, 2])}, "must be the classes 0 … 1, each used; .* has 1$"),
        ({"train.parquet": table(encoded(1, 2), [0, 2], ["a", "b", "c"])}, r"no training image has 1 \(b\)"),
        ({"train.parquet": table(encoded(1, 2), [1, 1])}, "two or more classes, got 1"),
        ({"train.parquet": table(encoded(1, 2), [0, 1], column="picture")},
         "has no column 'image'; it has picture, label: name them with data.image and data.label"),
        ({"train.parquet": table(encoded(1, 2), [0, 1]), "val.parquet": table(encoded(3), [2])},
         "val has the class 2, which no training image has"),
        ({"a.parquet": FILES["data/test-00000-of-00001.parquet"], "b.parquet": b""},
         "a.parquet must begin with the name of its part"),
        ({"test.parquet": b"", "val.parquet": b""}, "must have files to train on, got test.parquet, val"),
        ({"train.csv": b""}, r"pets must hold files that end with .parquet, got none"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_with_file_and_row(
    folder: Path, files: dict[str, bytes], words: str
) -> None:
    data = section(put(folder, files))
    with pytest.raises(DataError, match=words):
        data_set(data).info(data)


def test_other_content_than_planned_is_refused(folder: Path) -> None:
    data = section(put(folder, FILES))
    put(folder, {"data/train-00000-of-00002.parquet": table(encoded(11, 20), [1, 0], ["cats", "dogs"])})
    with pytest.raises(DataError, match=r"pets has SHA-256 .* planned with"):
        data_set(data).load(data)


def test_two_channels_and_a_missing_pyarrow_are_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = put(folder, FILES)
    with pytest.raises(ConfigError, match="must be 1"):
        section(data | {"channels": 2})
    resolved = section(data)
    monkeypatch.setitem(__import__("sys").modules, "pyarrow.parquet", None)
    with pytest.raises(DataError, match=r"install cnnlab\[parquet\]"):
        data_set(resolved).info(resolved)
    assert parquet_files._part("0.parquet") == ""
