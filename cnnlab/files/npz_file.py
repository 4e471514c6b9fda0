"""Images in NumPy's .npz: a zip of arrays, whose headers are checked before any array is read."""

import lzma
import tokenize
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from math import prod
from typing import IO, Any

import numpy as np
import torch
from numpy.lib import format as npy
from numpy.typing import NDArray
from torch import Tensor

from cnnlab.data import DamagedData, DataError, Images, Info
from cnnlab.files import npz_hints
from cnnlab.files.shared_images import shared
from cnnlab.files.user_folder import MAX_IMAGE_BYTES

MAX_NPZ_CLASSES = 10_000
MAX_NPZ_IMAGES = 20_000_000  # in one part; their labels are read at submit, 8 bytes each
MAX_NPZ_CHANNELS = 4
MAX_COMPARED_IMAGES = 2_000_000  # of all parts together, at submit
MAX_NAME_BYTES = 400  # of a class's name, as NumPy stores it: 4 bytes a character
_HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
_NPZ_ERRORS = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError, RuntimeError),
    *(ValueError, TypeError, SyntaxError, tokenize.TokenError),  # a header is parsed as Python literals
)


@dataclass(frozen=True)
class Header:
    """Shape and type of an array, without its values."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    def __str__(self) -> str:
        """Return type and shape as text."""
        return f"{self.dtype} of shape {self.shape}"


class NpzFile:
    """An .npz of images: train_x, train_y, and optionally val_x, val_y and test_x, test_y.

    x is uint8 (N, H, W) or (N, H, W, C), C from 1 to 4; y is integers (N,), the classes 0 … C−1, each with at
    least one training image; class_names, texts (C,), may name them. Other arrays are ignored, and nothing is
    ever unpickled.
    """

    def __init__(self, file: IO[bytes], name: str) -> None:
        self.name = name
        with self._damage():
            self._zip = zipfile.ZipFile(file)
        members = self._zip.namelist()
        found = {member.removesuffix(".npy") for member in members if member.endswith(".npy")}
        wanted = ["train_x", "train_y"]
        for part in ("val", "test"):
            if found & {f"{part}_x", f"{part}_y"}:
                wanted += [f"{part}_x", f"{part}_y"]
        if missing := [array for array in wanted if array not in found]:
            raise DamagedData(
                f"{name} must hold train_x and train_y, and both or neither of val_x and val_y and of test_x "
                f"and test_y; {', '.join(missing)} is missing, it holds "
                f"{', '.join(sorted(found)) or 'nothing'}"
                f"{npz_hints.renaming(missing, found)}"
            )
        self._headers = {array: self._header(array) for array in wanted}
        self._parts = [array.removesuffix("_x") for array in wanted if array.endswith("_x")]
        for part in self._parts:
            self._check(part)
        shapes = [self._shape(part) for part in self._parts]
        if len(set(shapes)) > 1:
            named = " and ".join(f"{part}_x" for part in self._parts)
            raise DamagedData(f"{name}: {named} must have images of one shape, got {shapes}")
        total = sum(prod(header.shape) * header.dtype.itemsize for header in self._headers.values())
        if total > MAX_IMAGE_BYTES:
            raise DamagedData(f"{name} must have at most {MAX_IMAGE_BYTES:,} bytes of arrays, got {total:,}")
        self._labels = {part: self._read_labels(part) for part in self._parts}
        self._class_counts = self._count_classes()
        self._class_names = self._read_class_names() if "class_names" in found else ()

    def info(self) -> Info:
        """Return the facts; only the labels have been read."""
        train, test, validation = (len(self._labels.get(p, ())) for p in ("train", "test", "val"))
        return Info(
            self._shape("train"),
            len(self._class_counts),
            train,
            test,
            class_counts=self._class_counts,
            class_names=self._class_names,
            validation=validation,
            labels=self._labels["train"],
            val_labels=self._labels.get("val"),
            notes=self._shared(),
        )

    def images(self) -> Images:
        """Read the images."""
        none = torch.empty(0, *self._shape("train"), dtype=torch.uint8), torch.empty(0, dtype=torch.int64)
        train, test = (self._part(p) if p in self._parts else none for p in ("train", "test"))
        return Images(*train, *test, *(self._part("val") if "val" in self._parts else ()))

    def _shared(self) -> tuple[str, ...]:
        """Return which parts have images in common, pixel by pixel; of very many images none are compared."""
        if len(self._parts) < 2 or sum(map(len, self._labels.values())) > MAX_COMPARED_IMAGES:
            return ()
        keys = {part: self._pixel_keys(f"{part}_x") for part in self._parts}
        return shared(keys, lambda part, place: f"{part}_x[{place}]")

    def _pixel_keys(self, array: str) -> list[bytes]:
        """Return a hash of the pixels of each image of an array, which is read in pieces."""
        images, *shape = self._headers[array].shape
        keys: list[bytes] = []
        with self._damage(array), self._zip.open(f"{array}.npy") as file:
            _, fortran, _ = _HEADERS[npy.read_magic(file)](file)
            if fortran:  # its images are not one after the other
                return [blake2b(image.tobytes(), digest_size=16).digest() for image in self._read(array)]
            while len(keys) < images:
                pixels = file.read(prod(shape))
                if len(pixels) < prod(shape):
                    raise ValueError("it is shorter than its header says")
                keys.append(blake2b(pixels, digest_size=16).digest())
        return keys

    def _header(self, array: str) -> Header:
        with self._damage(array), self._zip.open(f"{array}.npy") as file:
            version = npy.read_magic(file)
            if version not in _HEADERS:
                raise DamagedData(f"{self.name}: {array} has an unknown version {version} of the NPY format")
            shape, _, dtype = _HEADERS[version](file)
            return Header(shape, dtype)

    def _check(self, part: str) -> None:
        x, y = self._headers[f"{part}_x"], self._headers[f"{part}_y"]
        where = f"{self.name}: {part}"
        if x.dtype != np.uint8 or len(x.shape) not in (3, 4):
            hint = npz_hints.pixels(f"{part}_x", x.shape, x.dtype)
            raise DamagedData(f"{where}_x must be uint8 (N, H, W) or (N, H, W, C), got {x}{hint}")
        if len(x.shape) == 4 and not 1 <= x.shape[3] <= MAX_NPZ_CHANNELS:
            first = 1 <= x.shape[1] <= MAX_NPZ_CHANNELS
            hint = "; channels come last: transpose(0, 2, 3, 1)" if first else ""
            raise DamagedData(f"{where}_x must have 1 to {MAX_NPZ_CHANNELS} channels, got {x}{hint}")
        if y.dtype.kind not in "iu" or len(y.shape) != 1:
            hint = npz_hints.labels(f"{part}_y", y.shape, y.dtype)
            raise DamagedData(f"{where}_y must be integers (N,), the class of each image; got {y}{hint}")
        if x.shape[0] != y.shape[0]:
            raise DamagedData(
                f"{where}_x and {part}_y must be equally long, got {x.shape[0]} and {y.shape[0]}"
            )
        if x.shape[0] > MAX_NPZ_IMAGES:
            raise DamagedData(f"{where}_x must have at most {MAX_NPZ_IMAGES:,} images, got {x.shape[0]:,}")
        if min(x.shape) < 1:
            raise DamagedData(f"{where}_x must hold images, got {x}")

    def _shape(self, part: str) -> tuple[int, int, int]:
        _, height, width, *channels = self._headers[f"{part}_x"].shape
        return (channels[0] if channels else 1, height, width)

    def _read_labels(self, part: str) -> Tensor:
        labels = self._read(f"{part}_y")
        low, high = int(labels.min()), int(labels.max())
        if low < 0 or high >= MAX_NPZ_CLASSES:
            raise DamagedData(
                f"{self.name}: {part}_y must be classes 0, 1, … below {MAX_NPZ_CLASSES}, got {low} to {high}"
                f"{npz_hints.numbers([low, high])}"
            )
        return torch.from_numpy(labels.astype(np.int64))

    def _count_classes(self) -> tuple[int, ...]:
        seen = torch.bincount(self._labels["train"])
        gaps = (seen == 0).nonzero()[:, 0].tolist()
        if gaps or len(seen) < 2:
            why = f"no image has {', '.join(map(str, gaps[:5]))}" if gaps else "all images are of one class"
            raise DamagedData(
                f"{self.name}: train_y must be the classes 0 … C−1, at least two, each used; {why}"
                f"{npz_hints.numbers(gaps)}"
            )
        for part, labels in self._labels.items():
            if int(labels.max()) >= len(seen):
                raise DamagedData(
                    f"{self.name}: {part}_y has the class {int(labels.max())}, which no training image has"
                )
        return tuple(seen.tolist())

    def _read_class_names(self) -> tuple[str, ...]:
        header, classes = self._header("class_names"), len(self._class_counts)
        if header.dtype.kind != "U" or header.shape != (classes,) or header.dtype.itemsize > MAX_NAME_BYTES:
            raise DamagedData(
                f"{self.name}: class_names must be texts ({classes},) of at most {MAX_NAME_BYTES // 4} "
                f"characters, one for each class; got {header}"
            )
        names = tuple(self._read("class_names").tolist())
        if len(set(names)) < classes or not all(names):
            raise DamagedData(f"{self.name}: class_names must be different texts, none empty; got {names}")
        return names

    def _part(self, part: str) -> tuple[Tensor, Tensor]:
        pixels = torch.from_numpy(np.ascontiguousarray(self._read(f"{part}_x")))
        x = pixels[:, None] if pixels.ndim == 3 else pixels.permute(0, 3, 1, 2).contiguous()  # (N, C, H, W)
        return x, self._labels[part]

    def _read(self, array: str) -> NDArray[Any]:
        with self._damage(array), self._zip.open(f"{array}.npy") as file:
            values: NDArray[Any] = npy.read_array(file, allow_pickle=False)
            if file.read(1):
                raise ValueError("it is longer than its header says")
            return values

    @contextmanager
    def _damage(self, array: str = "") -> Iterator[None]:
        """Turn errors of zipfile, zlib and NumPy into DamagedData, and those of the disk into DataError."""
        what = f"{self.name}: {array}" if array else self.name
        try:
            yield
        except OSError as error:
            fault = DamagedData if error.errno is None else DataError  # bz2 has none for a wrong stream
            raise fault(f"{what} is damaged or cannot be read: {error}") from error
        except _NPZ_ERRORS as error:
            raise DamagedData(f"{what} is damaged or not an .npz: {error}") from error
