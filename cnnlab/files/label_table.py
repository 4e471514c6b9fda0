"""A table of images and their labels: a .csv beside the images, one of them a row."""

import csv
import io
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath

from cnnlab.data import DataError
from cnnlab.errors import nearest
from cnnlab.files.image_file import FORMATS

TABLE_NAME = "labels.csv"
TABLE_ENDING = ".csv"
SEPARATORS = (",", ";", "\t")
MAX_LABEL_CHARS = 100
PARTS = ("train", "test", "val")
PART_NAMES: Mapping[str, str] = {  # what others call the parts, in lower case
    "train": "train", "training": "train",
    "val": "val", "valid": "val", "validation": "val", "dev": "val",
    "test": "test", "testing": "test",
}  # fmt: skip
COLUMNS: Mapping[str, str] = {
    "file": "file", "filename": "file", "file_name": "file", "image": "file", "path": "file",
    "id": "file", "image_id": "file",
    "label": "label", "class": "label", "category": "label",
    "split": "split", "part": "split", "subset": "split",
}  # fmt: skip


@dataclass(frozen=True)
class Listed:
    """An image with its class and its part; `where` is the line that says so, if there is one."""

    file: str
    label: str
    part: str
    where: str = ""


def is_table(name: str) -> bool:
    """Whether a file is a table of labels by its name alone, whatever other tables there are."""
    return name.lower() == TABLE_NAME


def names_labels(content: bytes) -> bool:
    """Whether the first line of a table names files and labels."""
    head = content.decode("utf-8-sig", "replace").partition("\n")[0]
    columns = {COLUMNS.get(name.strip().lower()) for name in head.split(_separator(head))}
    return {"file", "label"} <= columns


def read_table(table: str, content: bytes, names: Collection[str], where: str) -> list[Listed]:
    """Return the rows of a table, in their order; `names` are the files beside it.

    The first line names the columns, in any order and case: file and label, and optionally split, each as
    COLUMNS has it. Values are separated by commas, semicolons or tabs. A file is a path from the table's
    folder, or from the only folder beside it; without its ending it is the only image of that stem. A split
    is a part as PART_NAMES has it; empty is train. DataError, with the line, for anything else.
    """
    shown = PurePosixPath(table).name
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{where}: {shown} must be text in UTF-8: {error}") from None
    rows = _rows(text, f"{where}: {shown}")
    _, head = next(rows, (0, []))
    at = _columns(head, f"{where}: {shown}")
    files, found = _Files(table, names), list[Listed]()
    first: dict[str, int] = {}
    for line, row in rows:
        place = f"{where}: {shown} line {line}"
        if len(row) != len(head):
            raise DataError(f"{place} must have {len(head)} values, as the first line has; got {len(row)}")
        file = files.find(row[at["file"]].strip(), place)
        if file in first:
            raise DataError(f"{place}: {row[at['file']]} is in line {first[file]} already")
        first[file] = line
        label = row[at["label"]].strip()
        if not label or len(label) > MAX_LABEL_CHARS:
            raise DataError(
                f"{place}: the label must have 1 to {MAX_LABEL_CHARS} characters, got {label[:30]!r}"
            )
        split = row[at["split"]].strip() if "split" in at else ""
        part = PART_NAMES.get(split.lower() or "train", "")
        if not part:
            raise DataError(f"{place}: the split must be one of {', '.join(PART_NAMES)}; got {split!r}")
        found.append(Listed(file, label, part, f"{shown} line {line}"))
    classes = {each.label for each in found if each.part == "train"}
    if len(classes) < 2:
        got = ", ".join(sorted(classes)) or "none"
        raise DataError(f"{where}: {shown} must have training images of two or more classes, got {got}")
    return found


def _rows(text: str, where: str) -> Iterator[tuple[int, list[str]]]:
    """Yield each row that is not empty, and its line."""
    separator = _separator(text.lstrip().partition("\n")[0])
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=separator)
    try:
        for row in reader:
            if any(value.strip() for value in row):
                yield reader.line_num, row
    except csv.Error as error:
        raise DataError(f"{where} line {reader.line_num} is no CSV: {error}") from None


def _separator(head: str) -> str:
    """Return by what the first line is separated: by what gives the most names of columns, else values."""

    def columns(separator: str) -> tuple[int, int]:
        values = [value.strip().strip('"').lower() for value in head.split(separator)]
        return sum(value in COLUMNS for value in values), len(values)

    return max(SEPARATORS, key=columns)


def _columns(head: Sequence[str], where: str) -> dict[str, int]:
    """Return at which place of a row each column is."""
    found: dict[str, int] = {}
    for place, name in enumerate(head):
        column = COLUMNS.get(name.strip().lower())
        if column is None:
            likely = nearest(name, list(COLUMNS))
            hint = f"; did you mean {likely[0]}?" if likely else ""
            raise DataError(
                f"{where} line 1 must name the columns file, label and optionally split; "
                f"got the column {name.strip()[:40]!r}{hint}"
            )
        if column in found:
            raise DataError(f"{where} line 1 names the column {column} twice, the second time as {name!r}")
        found[column] = place
    if missing := [column for column in ("file", "label") if column not in found]:
        raise DataError(f"{where} line 1 must name the columns file and label; {missing[0]} is missing")
    return found


class _Files:
    """The files beside a table, found by what its rows call them."""

    def __init__(self, table: str, names: Collection[str]) -> None:
        above = str(PurePosixPath(table).parent)
        self._base, self._names = "" if above == "." else f"{above}/", names
        inside = {self._inner(name).split("/")[0] for name in names if "/" in self._inner(name)}
        # From where a path may begin: the table's folder, and the only folder in it.
        self._folders = [self._base, *(f"{self._base}{folder}/" for folder in inside if len(inside) == 1)]

    def find(self, written: str, place: str) -> str:
        """Return the image that a row names; DataError, with the row's `place`, if there is not one."""
        path = PurePosixPath(written.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts:
            raise DataError(f"{place}: the file must be a path below the table's folder, got {written!r}")
        if path.suffix.lower() not in FORMATS:
            return self._by_stem(str(path), written, place)
        for folder in self._folders:
            if (name := f"{folder}{path}") in self._names:
                return name
        raise DataError(f"{place}: {written!r} is not there")

    def _by_stem(self, stem: str, written: str, place: str) -> str:
        """Return the only image of a name without its ending: at one of the places, else anywhere below."""
        found = [name for folder in self._folders for name in self._stems.get(f"{folder}{stem}", ())]
        if not found:
            found = self._last_stems.get(stem, [])
        if len(found) == 1:
            return found[0]
        if found:
            shown = " and ".join(self._inner(name) for name in sorted(found)[:2])
            raise DataError(f"{place}: {written!r} must be one image, but {shown} are there; add the ending")
        raise DataError(
            f"{place}: the file must be an image that is there, one of {', '.join(FORMATS)}, with or without "
            f"its ending; got {written!r}"
        )

    @cached_property
    def _stems(self) -> dict[str, list[str]]:
        """The images by their paths without the ending."""
        found: dict[str, list[str]] = {}
        for name in self._names:
            if name.startswith(self._base) and name.lower().endswith(tuple(FORMATS)):
                found.setdefault(name.rpartition(".")[0], []).append(name)
        return found

    @cached_property
    def _last_stems(self) -> dict[str, list[str]]:
        """The images by their names alone without the ending."""
        found: dict[str, list[str]] = {}
        for path, names in self._stems.items():
            found.setdefault(path.rpartition("/")[2], []).extend(names)
        return found

    def _inner(self, name: str) -> str:
        return name.removeprefix(self._base)
