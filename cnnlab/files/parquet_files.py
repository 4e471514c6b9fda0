"""Images in Parquet: rows of an encoded image and a label, in one file, a folder or a .zip of files."""

import hashlib
import io
import json
import os
import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from cnnlab.data import DamagedData, DataError
from cnnlab.files.image_layout import is_junk
from cnnlab.files.label_table import PART_NAMES
from cnnlab.files.user_folder import MAX_IMAGE_BYTES, file_digest

MAX_PARQUET_FILES = 10_000
BATCH_ROWS = 256
SUFFIX = ".parquet"


class EncodedImage(NamedTuple):
    """An image as a row holds it: an encoded file, its label, and which row of which file it is."""

    content: bytes
    label: int | str
    where: str


@dataclass(frozen=True)
class ParquetFiles:
    """The Parquet files at a path: their parts, their digest and their rows.

    The part of a file is the word that its name begins with, as in train-00000-of-00002.parquet, else the
    name of a folder that it is in, as PART_NAMES has them; a single file is to train on.
    """

    path: Path
    name: str

    def digest(self) -> str:
        """Return the file's SHA-256, or that of the output of sha256sum for a folder's Parquet files."""
        if not self.path.is_dir():
            return file_digest(self.path)
        lines = (f"{file_digest(self.path / file)}  {file}\n" for file in self._names())
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    def parts(self) -> dict[str, list[str]]:
        """Return the names of the files of each part, in their order."""
        names = self._names()
        if not names:
            raise DataError(f"{self.name} must hold files that end with {SUFFIX}, got none")
        found: dict[str, list[str]] = {"train": [], "test": [], "val": []}
        for file in names:
            part = _part(file) or ("train" if len(names) == 1 else "")
            if not part:
                raise DataError(
                    f"{self.name}: {file} must begin with the name of its part, or be in a folder of that "
                    f"name: one of {', '.join(PART_NAMES)}"
                )
            found[part].append(file)
        if not found["train"]:
            raise DataError(f"{self.name} must have files to train on, got {', '.join(names[:5])}")
        return found

    def class_names(self, label: str) -> list[str]:
        """Return the names of the classes that the first training file declares; none if it has no such."""
        from pyarrow import ArrowException

        file = self.parts()["train"][0]
        with _damage(f"{self.name}: {file}"), self._open(file) as content:
            metadata = _parquet(content).schema_arrow.metadata or {}
        try:
            names = json.loads(metadata[b"huggingface"])["info"]["features"][label]["names"]
        except (KeyError, TypeError, ValueError, ArrowException):
            return []
        return list(map(str, names)) if isinstance(names, list) else []

    def rows(self, file: str, image: str, label: str) -> Iterator[EncodedImage]:
        """Yield the rows of a file; DataError, with its name and the row, for what is no image and label."""
        where = f"{self.name}: {file}" if file else self.name
        with _damage(where), self._open(file) as content:
            opened = _parquet(content)
            columns = opened.schema_arrow.names
            if missing := [column for column in (image, label) if column not in columns]:
                raise DataError(
                    f"{where} has no column {missing[0]!r}; it has {', '.join(columns[:20])}: name them with "
                    "data.image and data.label"
                )
            row = 0
            for batch in opened.iter_batches(BATCH_ROWS, columns=[image, label]):
                pair = batch.column(image).to_pylist(), batch.column(label).to_pylist()
                for pixels, value in zip(*pair, strict=True):
                    row += 1
                    place = f"{where} row {row}"
                    yield EncodedImage(_content(pixels, place, image), _label(value, place, label), place)

    def _names(self) -> Sequence[str]:
        if self.path.is_dir():
            return sorted(_walk(self.path, self.name))
        if self.path.suffix.lower() != ".zip":
            return [""]
        with _damage(self.name), zipfile.ZipFile(self.path) as archive:
            members = [each for each in archive.infolist() if _is_wanted(each.filename)]
        if sum(member.file_size for member in members) > MAX_IMAGE_BYTES:
            raise DataError(f"{self.name} must have at most {MAX_IMAGE_BYTES:,} bytes unpacked")
        return sorted(member.filename for member in members)

    @contextmanager
    def _open(self, file: str) -> Iterator[Any]:
        if self.path.is_dir() or not file:
            with (self.path / file if file else self.path).open("rb") as opened:
                yield opened
            return
        with zipfile.ZipFile(self.path) as archive:
            yield io.BytesIO(archive.read(file))


def _parquet(content: Any) -> Any:
    """Open a file's content; what is in its footer is checked here."""
    from pyarrow.parquet import ParquetFile

    return ParquetFile(content)


def check_installed() -> None:
    """Raise DataError unless pyarrow is there."""
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError:
        raise DataError(
            "Parquet files need pyarrow: install cnnlab[parquet] where the API and the workers run"
        ) from None


def _walk(folder: Path, name: str) -> Iterator[str]:
    for above, folders, files in os.walk(folder):
        folders[:] = [each for each in folders if not each.startswith(".") and not is_junk(each)]
        for file in files:
            inner = (Path(above) / file).relative_to(folder).as_posix()
            if not _is_wanted(inner):
                continue
            if (Path(above) / file).is_symlink():
                raise DataError(f"{name}: {inner} is a link; in a folder of images nothing may be one")
            yield inner


def _is_wanted(file: str) -> bool:
    parts = PurePosixPath(file).parts
    return file.lower().endswith(SUFFIX) and not any(part.startswith(".") or is_junk(part) for part in parts)


def _part(file: str) -> str:
    *folders, own = PurePosixPath(file).parts or ("",)
    words = [word[0] for word in [re.match("[a-z]+", own.lower())] if word]
    return next((PART_NAMES[w] for w in [*words, *map(str.lower, folders)] if w in PART_NAMES), "")


def _content(value: Any, where: str, column: str) -> bytes:
    content = value.get("bytes") if isinstance(value, dict) else value
    if not isinstance(content, bytes):
        got = (
            "an image elsewhere, by its path"
            if isinstance(value, dict) and value.get("path")
            else type(content).__name__
        )
        raise DamagedData(f"{where}: {column} must hold the bytes of an encoded image, got {got}")
    return content


def _label(value: Any, where: str, column: str) -> int | str:
    if isinstance(value, bool) or not isinstance(value, int | str) or value == "":
        raise DamagedData(f"{where}: {column} must be an integer or a text, got {value!r}")
    return value


@contextmanager
def _damage(where: str) -> Iterator[None]:
    """Turn errors of pyarrow and zipfile into DamagedData."""
    check_installed()
    from pyarrow import ArrowException

    try:
        yield
    except (ArrowException, zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, OSError) as error:
        raise DamagedData(f"{where} is damaged or no Parquet: {error}") from error
