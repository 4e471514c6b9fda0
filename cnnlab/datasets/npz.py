"""Your own images as NumPy arrays: one .npz file."""

import hashlib
import io
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

from cnnlab.data import DataError, DataSet, Images, Info
from cnnlab.files import user_folder
from cnnlab.files.npz_file import NpzFile
from cnnlab.registry import register


@register
class Npz(DataSet):
    """Read images from an .npz file below CNNLAB_DATA: train_x and train_y.

    Optional are val_x and val_y, which then are the validation part, and test_x and test_y.
    x is uint8 (N, H, W) or (N, H, W, C) with 1 to 4 channels; y is integers (N,), the classes 0 … C−1, which
    texts (C,) in class_names may name.
    `path` is relative to CNNLAB_DATA. `sha256` is the file's; left out, it is filled in at submit, and a
    worker refuses any other content. Without test arrays train.test must be never.
    Licence: your images are yours.
    Source: the format is numpy.savez's, NumPy Enhancement Proposal 1 (2007).
    """

    path: ClassVar = user_folder.PATH
    sha256: ClassVar = user_folder.SHA256

    def complete(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Fill in the file's SHA-256."""
        return user_folder.complete(data, user_folder.file_digest)

    def info(self, data: Mapping[str, Any]) -> Info:
        """Return shapes from the arrays' headers, and classes from the labels."""
        path = user_folder.inside(data["path"])
        digest = user_folder.file_digest(path)
        user_folder.check(data, digest)
        return _info(path, data["path"], digest)

    def load(self, data: Mapping[str, Any]) -> Images:
        """Return the images of exactly the content that `sha256` names."""
        return _images(user_folder.inside(data["path"]), data["path"], data["sha256"])


@lru_cache(maxsize=64)
def _info(path: Path, name: str, digest: str) -> Info:
    try:
        with path.open("rb") as file:
            return NpzFile(file, name).info()
    except OSError as error:
        raise DataError(f"{name} cannot be read: {error}") from error


@lru_cache(maxsize=1)
def _images(path: Path, name: str, sha256: str) -> Images:
    try:
        if path.stat().st_size > user_folder.MAX_IMAGE_BYTES:
            raise DataError(f"{name} must have at most {user_folder.MAX_IMAGE_BYTES:,} bytes")
        content = path.read_bytes()  # hashed and read from memory: the file may change at any time
    except OSError as error:
        raise DataError(f"{name} cannot be read: {error}") from error
    user_folder.check({"path": name, "sha256": sha256}, hashlib.sha256(content).hexdigest())
    return NpzFile(io.BytesIO(content), name).images()
