"""A data set as its authors published it: four IDX files of known content, found locally or downloaded."""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from cnnlab.data import DataError, Images
from cnnlab.files.fetch import download, keep
from cnnlab.files.idx import SUFFIXES, decode, unpack
from cnnlab.user_cache import NoCache, user_cache

_SLACK = 1 << 16  # bytes by which a packed file may exceed its content


def cache_folder(name: str) -> Path:
    """Return the folder in which a downloaded data set is kept; DataError where there is no cache."""
    try:
        return user_cache(name)
    except NoCache as error:  # of this host, not of the config
        raise DataError(str(error)) from None


@dataclass(frozen=True)
class File:
    """An IDX file, identified by its unpacked content: size in bytes and SHA-256.

    The packed bytes do not identify it: a distribution may pack the same content again.
    """

    name: str
    size: int
    sha256: str

    def check(self, content: bytes, origin: str) -> None:
        """Raise DataError unless the content is the published one."""
        got = hashlib.sha256(content).hexdigest()
        if got != self.sha256:
            raise DataError(
                f"{origin} does not hold the published {self.name}: "
                f"the SHA-256 of its content must be {self.sha256}, got {got}"
            )


@dataclass(frozen=True)
class Published:
    """The files of a data set, and where they may be.

    They are searched, plain, as .gz or as .xz, in this order: $CNNLAB_DATA/<name>, the `folders` of a system
    package or of cnnlab itself, and the cache ($XDG_CACHE_HOME/cnnlab/<name>, by default
    ~/.cache/cnnlab/<name>). A file that is in none of them is downloaded from the first of the `homes` that
    has it, checked, and kept in the cache.
    """

    name: str
    train_x: File
    train_y: File
    test_x: File
    test_y: File
    folders: tuple[Path, ...] = ()
    homes: tuple[str, ...] = ()  # URLs without the file's name and .gz

    @property
    def digest(self) -> str:
        """Return 16 hexadecimal digits that identify the whole content."""
        files = (self.train_x, self.train_y, self.test_x, self.test_y)
        return hashlib.sha256("".join(file.sha256 for file in files).encode()).hexdigest()[:16]

    def load(self) -> Images:
        """Return the images; DataError if a file is missing or wrong, with what to do about it."""
        return Images(
            train_x=self._images(self.train_x),
            train_y=self._values(self.train_y).to(torch.int64),
            test_x=self._images(self.test_x),
            test_y=self._values(self.test_y).to(torch.int64),
        )

    def find(self, file: File) -> Path | None:
        """Return the path of a file on this machine, unchecked, without downloading it."""
        candidates = (folder / f"{file.name}{suffix}" for folder in self._places() for suffix in SUFFIXES)
        return next((path for path in candidates if path.is_file()), None)

    def content(self, file: File) -> bytes:
        """Return the unpacked and checked content of a file, from this machine or downloaded."""
        path = self.find(file)
        if path is None:
            return self._fetch(file)
        try:
            content = unpack(path.read_bytes(), str(path), file.size)
            file.check(content, str(path))
        except OSError as error:
            raise DataError(f"{path} cannot be read: {error}") from error
        except DataError as error:
            raise DataError(f"{error}. Remove it, and the file is searched elsewhere") from error
        return content

    def _images(self, file: File) -> Tensor:
        return self._values(file).unsqueeze(1)  # (N, H, W) -> (N, 1, H, W): the published images are grey

    def _values(self, file: File) -> Tensor:
        return decode(self.content(file), file.name)

    def _places(self) -> Iterator[Path]:
        if chosen := os.environ.get("CNNLAB_DATA"):
            yield Path(chosen) / self.name
        yield from self.folders
        if self.homes:
            yield cache_folder(self.name)

    def _fetch(self, file: File) -> bytes:
        packed_name = f"{file.name}.gz"
        failures = []
        for home in self.homes:
            url = f"{home}{packed_name}"
            try:
                packed = download(url, file.size + _SLACK)
                content = unpack(packed, url, file.size)
                file.check(content, url)
            except DataError as error:
                failures.append(str(error))
                continue
            keep(packed, cache_folder(self.name) / packed_name)
            return content
        places = ", ".join(str(place) for place in self._places())
        attempts = "".join(f"\nDownloading it failed: {failure}." for failure in failures)
        raise DataError(
            f"{self.name} needs the file {file.name}, plain or packed, which is in none of {places}."
            f"{attempts}\n"
            f"Put it into a folder named {self.name} and set CNNLAB_DATA to the folder around that."
        )
