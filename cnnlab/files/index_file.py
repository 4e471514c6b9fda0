"""A file of indices into the training images: which of them are the validation part."""

import json
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cnnlab.data import DataError
from cnnlab.errors import ConfigError
from cnnlab.files import user_folder

FIELD = "data.validation_indices"
MAX_INDEX_BYTES = 256 << 20
_FORMATS = ".json (a list), .txt (one index a line) or .npy (an array)"


def complete(written: Any) -> dict[str, str]:
    """Return path and SHA-256 of an index file, from its path or from both; ConfigError if it cannot be."""
    if not isinstance(written, Mapping | str):
        raise ConfigError(FIELD, f"must be a path, or an object with path and sha256; got {written!r}")
    given, place = (written, f"{FIELD}.path") if isinstance(written, Mapping) else ({"path": written}, FIELD)
    if unknown := sorted(set(given) - {"path", "sha256"}):
        raise ConfigError(FIELD, f"must be a path, or an object with path and sha256; got {unknown[0]!r}")
    path = user_folder.PATH.check(place, given.get("path", ""))
    sha256 = user_folder.SHA256.check(f"{FIELD}.sha256", given.get("sha256", ""))
    if Path(path).suffix.lower() not in (".json", ".txt", ".npy"):
        raise ConfigError(FIELD, f"must be a path that ends with {_FORMATS}; got {path!r}")
    if not sha256:
        try:
            sha256 = user_folder.file_digest(user_folder.inside(path))
        except DataError as error:
            raise ConfigError(FIELD, str(error)) from None
    return {"path": path, "sha256": sha256}


def read(file: Mapping[str, str], images: int) -> Tensor:
    """Return the indices of a file, int64 (V,), which count `images` training images from 0, in their order.

    DataError, with the line or the place, unless they are different integers from 0 to images − 1, at least
    one and not all of them; DataError if the content is not what sha256 says.
    """
    path = user_folder.inside(file["path"])
    user_folder.check(file, user_folder.file_digest(path))
    return _read(path, file["path"], file["sha256"], images)


@lru_cache(maxsize=8)
def _read(path: Path, name: str, sha256: str, images: int) -> Tensor:
    try:
        if path.stat().st_size > MAX_INDEX_BYTES:
            raise DataError(f"{name} must have at most {MAX_INDEX_BYTES:,} bytes")
        found = list(_values(path, name))
    except OSError as error:
        raise DataError(f"{name} cannot be read: {error}") from error
    seen: dict[int, str] = {}
    for where, value in found:
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < images:
            raise DataError(
                f"{name}: {where} must be an index of a training image, an integer from 0 to {images - 1:,}; "
                f"got {str(value)[:40]}"
            )
        if value in seen:
            raise DataError(f"{name}: {where} must be a new index; {seen[value]} is {value}, too")
        seen[value] = where
    if not seen:
        raise DataError(f"{name} must hold the index of at least one training image, got none")
    if len(seen) == images:
        raise DataError(f"{name} must leave images to train on, got the indices of all {images:,}")
    return torch.tensor(sorted(seen))


def _values(path: Path, name: str) -> Iterator[tuple[str, Any]]:
    """Yield each value, an int if it is one, and where it stands."""
    suffix = path.suffix.lower()
    if suffix == ".npy":
        yield from _of_array(path, name)
        return
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise DataError(f"{name} must be text in UTF-8: {error}") from None
    if suffix == ".txt":
        for number, line in enumerate(text.splitlines(), 1):
            if word := line.partition("#")[0].strip():
                whole = re.fullmatch(r"[+-]?\d{1,18}", word)
                yield f"line {number}", int(word) if whole else repr(word)
        return
    try:
        values = json.loads(text)
    except ValueError as error:  # json names the line
        raise DataError(f"{name} must be a list of integers in JSON: {error}") from None
    except RecursionError:
        raise DataError(f"{name} must be a list of integers in JSON, got one nested too deep") from None
    if not isinstance(values, list):
        raise DataError(f"{name} must be a list of integers in JSON, got {type(values).__name__}")
    yield from ((f"value {place} of the list", value) for place, value in enumerate(values, 1))


def _of_array(path: Path, name: str) -> Iterator[tuple[str, Any]]:
    try:
        array = np.load(path, allow_pickle=False)
    except (ValueError, EOFError, SyntaxError) as error:
        raise DataError(f"{name} is damaged or not an .npy: {error}") from None
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "iu" or array.ndim != 1:
        got = f"{array.dtype} of shape {array.shape}" if isinstance(array, np.ndarray) else "an archive"
        hint = "; of a mask: np.flatnonzero(mask)" if got.startswith("bool") else ""
        raise DataError(f"{name} must be an array of integers (V,), got {got}{hint}")
    yield from ((f"value {place} of the array", value) for place, value in enumerate(array.tolist(), 1))
