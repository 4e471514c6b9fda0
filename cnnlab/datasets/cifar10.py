"""CIFAR-10: small colour photographs, read from their authors' binary files."""

import hashlib
import io
import os
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from cnnlab.data import DataError, Images, Info
from cnnlab.files.fetch import download, keep
from cnnlab.files.published import cache_folder
from cnnlab.fixed_data import FixedDataSet
from cnnlab.registry import register

TRAIN = tuple(f"data_batch_{number}.bin" for number in range(1, 6))
TEST = ("test_batch.bin",)
CLASS_NAMES = (
    *("airplane", "automobile", "bird", "cat", "deer"),
    *("dog", "frog", "horse", "ship", "truck"),
)
CLASSES = len(CLASS_NAMES)
PIXELS = 3 * 32 * 32
RECORD = 1 + PIXELS  # a label, then the red, the green and the blue plane, row by row
RECORDS = 10_000  # in each file

ARCHIVE = "cifar-10-binary.tar.gz"
MD5 = "c32a1d4ab5d03f1284b67883e8d87530"  # of the archive, as its authors publish it
MEMBERS = "cifar-10-batches-bin"
HOME = "https://www.cs.toronto.edu/~kriz/"
MAX_ARCHIVE_BYTES = 200_000_000  # bytes of the archive


@register
class Cifar10(FixedDataSet):
    """Offer 60,000 colour photographs, 32×32 RGB.

    50,000 to train and 10,000 to test, 5,000 and 1,000 of each class: airplane, automobile, bird, cat, deer,
    dog, frog, horse, ship, truck. Read from the six .bin files of the binary version, or from
    cifar-10-binary.tar.gz, in $CNNLAB_DATA/cifar10, $CNNLAB_DATA/cifar-10-batches-bin or the cache; else
    fetched (170 MB).
    Licence: none stated; its page asks to cite the report below.
    Source: A. Krizhevsky, "Learning multiple layers of features from tiny images", technical report,
    University of Toronto (2009), https://www.cs.toronto.edu/~kriz/cifar.html.
    """

    # No digest: only the archive has a published checksum.
    facts = Info(
        shape=(3, 32, 32),
        classes=CLASSES,
        train=len(TRAIN) * RECORDS,
        test=RECORDS,
        class_counts=(len(TRAIN) * RECORDS // CLASSES,) * CLASSES,
        class_names=CLASS_NAMES,
    )

    def read(self) -> Images:
        """Return the images: about 184 MB."""
        files = _files()
        train, test = (_part([(name, files[name]) for name in names]) for names in (TRAIN, TEST))
        return Images(*train, *test)


def _part(files: list[tuple[str, bytes]]) -> tuple[Tensor, Tensor]:
    """Return pixels (N, 3, 32, 32) and classes (N,), which must have equally many images."""
    for name, content in files:
        if len(content) != RECORD * RECORDS:
            raise DataError(
                f"{name} must have {RECORD * RECORDS:,} bytes, {RECORDS:,} records of {RECORD:,}; "
                f"got {len(content):,}"
            )
    whole = bytearray(b"".join(content for _, content in files))
    records = torch.frombuffer(whole, dtype=torch.uint8).view(-1, RECORD)
    classes = records[:, 0].long()
    each = len(classes) // CLASSES
    if int(classes.max()) >= CLASSES or (classes.bincount(minlength=CLASSES) != each).any():
        names = ", ".join(name for name, _ in files)
        raise DataError(f"{names} are damaged: they must hold {each:,} images of each of the classes 0 … 9")
    return records[:, 1:].reshape(-1, 3, 32, 32), classes


def _files() -> dict[str, bytes]:
    """Return the content of all six files, from the first folder that has them or the archive."""
    for place in _places():
        try:
            if (archive := place / ARCHIVE).is_file():
                return _unpack(archive.read_bytes(), str(archive))
            for folder in (place, place / MEMBERS):
                if all((folder / name).is_file() for name in (*TRAIN, *TEST)):
                    return {name: (folder / name).read_bytes() for name in (*TRAIN, *TEST)}
        except OSError as error:
            raise DataError(f"{place} cannot be read: {error}") from error
    try:
        packed = download(f"{HOME}{ARCHIVE}", MAX_ARCHIVE_BYTES)
        files = _unpack(packed, f"{HOME}{ARCHIVE}")
    except DataError as error:
        places = ", ".join(str(place) for place in _places())
        raise DataError(
            f"cifar10 needs {ARCHIVE}, or the six files in it, and neither is in any of {places}.\n"
            f"Downloading it failed: {error}.\n"
            "Put it into a folder named cifar10 and set CNNLAB_DATA to the folder around that."
        ) from error
    keep(packed, cache_folder("cifar10") / ARCHIVE)
    return files


def _places() -> Iterator[Path]:
    if chosen := os.environ.get("CNNLAB_DATA"):
        yield Path(chosen) / "cifar10"
        yield Path(chosen) / MEMBERS
    yield cache_folder("cifar10")


def _unpack(packed: bytes, origin: str) -> dict[str, bytes]:
    """Return the six files of the archive, by their exact names; nothing is written to disk."""
    got = hashlib.md5(packed, usedforsecurity=False).hexdigest()
    if got != MD5:
        raise DataError(f"{origin} is not the published archive: its MD5 must be {MD5}, got {got}")
    try:
        with tarfile.open(fileobj=io.BytesIO(packed), mode="r:gz") as archive:
            return {name: _member(archive, name) for name in (*TRAIN, *TEST)}
    except (tarfile.TarError, KeyError, OSError, EOFError, zlib.error) as error:
        raise DataError(f"{origin} is damaged: {error}") from error


def _member(archive: tarfile.TarFile, name: str) -> bytes:
    file = archive.extractfile(f"{MEMBERS}/{name}")
    if file is None:
        raise KeyError(f"{name} is not a file in the archive")
    return file.read(RECORD * RECORDS + 1)
