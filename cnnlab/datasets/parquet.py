"""Your own images in Parquet files, as hubs of data sets store them."""

import io
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor

from cnnlab.data import DamagedData, DataError, DataSet, Images, Info
from cnnlab.errors import ConfigError
from cnnlab.files import user_folder
from cnnlab.files.image_file import check_header, decode
from cnnlab.files.parquet_files import ParquetFiles, check_installed
from cnnlab.files.shared_images import shared
from cnnlab.hyper import Int, Text
from cnnlab.registry import register

MAX_SHOWN_ROWS = 20  # of those that hold no image


@register
class Parquet(DataSet):
    """Read images from Parquet files below CNNLAB_DATA: encoded images in one column, labels in another.

    `path` is a file, a folder or a .zip of files. A file's part is in its name, train-00000.parquet, or in
    that of its folder; a val part is the validation part. A row has an `image`, {bytes} or bytes, and a
    `label`: texts, or the classes 0 … C−1, which the metadata may name. Each image becomes `size` × `size`
    pixels of 1 (grey) or 3 (RGB) `channels`, as in image-folder. `sha256` is filled in at submit.
    Licence: your images are yours.
    Source: the format is that of Apache Parquet, read by pyarrow; scaling is Pillow's resize with a box.
    """

    path: ClassVar = user_folder.PATH
    sha256: ClassVar = user_folder.SHA256
    image: ClassVar = Text(default="image", most=100)
    label: ClassVar = Text(default="label", most=100)
    size: ClassVar = Int(default=32, low=4, high=512)
    channels: ClassVar = Int(default=3, low=1, high=3)

    def complete(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Fill in the content's SHA-256."""
        if data["channels"] == 2:
            raise ConfigError("data.channels", "must be 1 (grey) or 3 (RGB), got 2")
        return user_folder.complete(data, lambda path: ParquetFiles(path, data["path"]).digest())

    def info(self, data: Mapping[str, Any]) -> Info:
        """Return the facts; every row is read, and of its image the first bytes."""
        check_installed()
        files = ParquetFiles(user_folder.inside(data["path"]), data["path"])
        digest = files.digest()
        user_folder.check(data, digest)
        facts = _facts(files, digest, data["image"], data["label"])
        total = facts.images * data["channels"] * data["size"] ** 2
        if total > user_folder.MAX_IMAGE_BYTES:
            raise DataError(
                f"{data['path']} must have at most {user_folder.MAX_IMAGE_BYTES:,} bytes of pixels, got "
                f"{total:,}; choose a smaller size"
            )
        labels = facts.labels["train"]
        return Info(
            (data["channels"], data["size"], data["size"]),
            len(facts.classes),
            len(labels),
            len(facts.labels["test"]),
            class_counts=tuple(torch.bincount(labels, minlength=len(facts.classes)).tolist()),
            class_names=facts.classes if facts.named else (),
            validation=len(facts.labels["val"]),
            labels=labels,
            val_labels=facts.labels["val"],
            notes=facts.notes,
        )

    def load(self, data: Mapping[str, Any]) -> Images:
        """Return the images of exactly the content that `sha256` names."""
        check_installed()
        path = user_folder.inside(data["path"])
        return _images(
            path, data["path"], data["sha256"], data["image"], data["label"], data["size"], data["channels"]
        )


@dataclass(frozen=True)
class _Facts:
    """What the rows of all files say: classes by number, and the labels of each part."""

    classes: tuple[str, ...]
    named: bool
    labels: Mapping[str, Tensor]
    notes: tuple[str, ...]

    @property
    def images(self) -> int:
        return sum(map(len, self.labels.values()))


@lru_cache(maxsize=16)
def _facts(files: ParquetFiles, digest: str, image: str, label: str) -> _Facts:
    found: dict[str, list[int | str]] = {}
    keys: dict[str, list[int]] = {}
    faults: list[str] = []
    for part, names in files.parts().items():
        found[part], keys[part] = [], []
        for name in names:
            for content, value, where in files.rows(name, image, label):
                found[part].append(value)
                keys[part].append(hash(content))
                try:
                    check_header(io.BytesIO(content), where)
                except DamagedData as fault:
                    faults.append(str(fault))
    if faults:
        more = f"; and {len(faults) - MAX_SHOWN_ROWS} more" if len(faults) > MAX_SHOWN_ROWS else ""
        raise DamagedData(f"{'; '.join(faults[:MAX_SHOWN_ROWS])}{more}")
    named, classes = _classes(found["train"], files.class_names(label), files.name)
    place = {value: index for index, value in enumerate(classes)}
    for part, values in found.items():
        if strange := [value for value in values if value not in place]:
            raise DamagedData(
                f"{files.name}: {part} has the class {strange[0]!r}, which no training image has"
            )
    labels = {
        part: torch.tensor([place[v] for v in values], dtype=torch.int64) for part, values in found.items()
    }
    notes = shared(keys, lambda part, at: f"image {at + 1} of {part}")
    return _Facts(
        tuple(named or map(str, classes)), bool(named) or isinstance(classes[0], str), labels, notes
    )


def _classes(values: list[int | str], names: list[str], where: str) -> tuple[list[str], list[int | str]]:
    """Return the names of the classes and the label that each has in the files."""
    counts = Counter(values)
    if len(counts) < 2:
        raise DamagedData(f"{where} must have training images of two or more classes, got {len(counts)}")
    if len({type(value) for value in counts}) > 1:
        raise DamagedData(f"{where}: labels must be all integers or all texts, got both")
    if isinstance(values[0], str):
        return [], sorted(counts)
    expected = list(range(len(names) or len(counts)))
    if absent := [label for label in expected if label not in counts]:
        which = f"{absent[0]} ({names[absent[0]]})" if names else f"{absent[0]}"
        last = len(expected) - 1
        raise DamagedData(
            f"{where}: labels must be the classes 0 … {last}, each used; no training image has {which}"
        )
    return names, list(expected)


@lru_cache(maxsize=1)
def _images(path: Path, name: str, sha256: str, image: str, label: str, size: int, channels: int) -> Images:
    files = ParquetFiles(path, name)
    user_folder.check({"path": name, "sha256": sha256}, files.digest())
    facts = _facts(files, sha256, image, label)

    def part(of: str) -> tuple[Tensor, Tensor]:
        rows = (row for file in files.parts()[of] for row in files.rows(file, image, label))
        x = [decode(row.content, row.where, size, channels) for row in rows]
        none = torch.empty(0, channels, size, size, dtype=torch.uint8)
        return torch.stack(x) if x else none, facts.labels[of]

    return Images(*part("train"), *part("test"), *(part("val") if len(facts.labels["val"]) else ()))
