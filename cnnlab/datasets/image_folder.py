"""Your own image files: a folder, or a .zip, with one folder per class."""

from collections import Counter
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor

from cnnlab.data import DataError, DataSet, Images, Info
from cnnlab.errors import ConfigError
from cnnlab.files import user_folder
from cnnlab.files.image_file import decode
from cnnlab.files.image_layout import Tree
from cnnlab.files.image_tree import Source, shown
from cnnlab.hyper import Int
from cnnlab.registry import register


@register
class ImageFolder(DataSet):
    """Read image files below CNNLAB_DATA: train/CLASS/FILE, val/…, test/…; CLASS/FILE; or a table.

    `path` is a folder or a .zip of one. Where there is a val, it is the validation part. A table
    has a row for each image: file, label and optionally split. Files are PNG, JPEG, BMP or WebP with 8 bits a
    channel; each becomes `size` × `size` pixels of 1 (grey) or 3 (RGB) `channels`: its largest centred
    square, scaled by an antialiased bilinear filter. Classes are numbered in the order of their names.
    `sha256` is filled in at submit, and a worker refuses any other content. Without test images train.test
    must be never.
    Licence: your images are yours.
    Source: the layout is torchvision's ImageFolder; scaling is Pillow's resize with a box.
    """

    path: ClassVar = user_folder.PATH
    sha256: ClassVar = user_folder.SHA256
    size: ClassVar = Int(default=32, low=4, high=512)
    channels: ClassVar = Int(default=3, low=1, high=3)

    def complete(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Fill in the content's SHA-256."""
        if data["channels"] == 2:
            raise ConfigError("data.channels", "must be 1 (grey) or 3 (RGB), got 2")
        return user_folder.complete(data, lambda path: Source(path, data["path"]).digest())

    def info(self, data: Mapping[str, Any]) -> Info:
        """Return the facts, from the names of files alone."""
        source = Source(user_folder.inside(data["path"]), data["path"])
        user_folder.check(data, source.digest())
        source.check_headers()
        tree = source.tree()
        shape = (data["channels"], data["size"], data["size"])
        total = len(tree.files()) * data["channels"] * data["size"] ** 2
        if total > user_folder.MAX_IMAGE_BYTES:
            raise DataError(
                f"{data['path']} must have at most {user_folder.MAX_IMAGE_BYTES:,} bytes of pixels, got "
                f"{total:,}; choose a smaller size"
            )
        counts = Counter(label for _, label in tree.train)
        return Info(
            shape,
            len(tree.classes),
            len(tree.train),
            len(tree.test),
            class_counts=tuple(counts[label] for label in range(len(tree.classes))),
            class_names=tree.classes,
            validation=len(tree.val),
            labels=tree.labels,
            val_labels=tree.val_labels,
            notes=(*_unused(tree), *source.shared()),
        )

    def load(self, data: Mapping[str, Any]) -> Images:
        """Return the images of exactly the content that `sha256` names."""
        path = user_folder.inside(data["path"])
        return _images(path, data["path"], data["sha256"], data["size"], data["channels"])


@lru_cache(maxsize=1)
def _images(path: Path, name: str, sha256: str, size: int, channels: int) -> Images:
    source = Source(path, name)
    pixels: dict[str, Tensor] = {}

    def take(file: str, content: bytes) -> None:
        pixels[file] = decode(content, shown(file), size, channels)

    tree, content = source.tree(), source.read(take)
    user_folder.check({"path": name, "sha256": sha256}, content.digest)  # first: another copy may be sound
    source.refuse(content.faults)

    def part(files: tuple[tuple[str, int], ...]) -> tuple[Tensor, Tensor]:
        none = torch.empty(0, channels, size, size, dtype=torch.uint8)
        x = torch.stack([pixels[file] for file, _ in files]) if files else none
        return x, torch.tensor([label for _, label in files], dtype=torch.int64)

    return Images(*part(tree.train), *part(tree.test), *(part(tree.val) if tree.val else ()))


def _unused(tree: Tree) -> list[str]:
    """Return what may be missing by mistake: images that a table leaves out."""
    return [f"{tree.unused:,} images are not in {tree.table} and are not used"] if tree.unused else []
