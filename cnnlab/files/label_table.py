"""A table of images and their labels: labels.csv beside the images, one of them a row."""

import csv
import io
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from cnnlab.data import DataError
from cnnlab.errors import nearest
from cnnlab.files.image_file import FORMATS

TABLE_NAME = "labels.csv"
MAX_LABEL_CHARS = 100
PARTS = ("train", "test", "val")
PART_NAMES: Mapping[str, str] = {  # what others call the parts, in lower case
    "train": "train", "training": "train",
    "val": "val", "valid": "val", "validation": "val", "dev": "val",
    "test": "test", "testing": "test",
}  # fmt: skip
COLUMNS: Mapping[str, str] = {
    "file": "file", "filename": "file", "file_name": "file", "image": "file", "path": "file",
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
    """Whether a file is a table of labels by its name."""
    return name.lower() == TABLE_NAME


def read_table(table: str, content: bytes, names: Collection[str], where: str) -> list[Listed]:
    """Return the rows of a table, in their order; `names` are the files beside it.

    The first line names the columns, in any order and case: file and label, and optionally split, each as
    COLUMNS has it. A file is a path from the table's folder, or from the only folder beside it. A split is a
    part as PART_NAMES has it; empty is train. DataError, with the line, for anything else.
    """
    shown = PurePosixPath(table).name
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{where}: {shown} must be text in UTF-8: {error}") from None
    rows = _rows(text, f"{where}: {shown}")
    _, head = next(rows, (0, []))
    at = _columns(head, f"{where}: {shown}")
    folders, found = _folders(table, names), list[Listed]()
    first: dict[str, int] = {}
    for line, row in rows:
        place = f"{where}: {shown} line {line}"
        if len(row) != len(head):
            raise DataError(f"{place} must have {len(head)} values, as the first line has; got {len(row)}")
        file = _file(row[at["file"]].strip(), folders, names, place)
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
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        for row in reader:
            if any(value.strip() for value in row):
                yield reader.line_num, row
    except csv.Error as error:
        raise DataError(f"{where} line {reader.line_num} is no CSV: {error}") from None


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


def _folders(table: str, names: Collection[str]) -> list[str]:
    """Return from where a row's path may begin: the table's folder, and the only folder in it."""
    base = f"{above}/" if (above := str(PurePosixPath(table).parent)) != "." else ""
    inside = {name.removeprefix(base).split("/")[0] for name in names if "/" in name.removeprefix(base)}
    return [base, *(f"{base}{folder}/" for folder in inside if len(inside) == 1)]


def _file(written: str, folders: Sequence[str], names: Collection[str], place: str) -> str:
    path = PurePosixPath(written.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts:
        raise DataError(f"{place}: the file must be a path below the table's folder, got {written!r}")
    if path.suffix.lower() not in FORMATS:
        raise DataError(f"{place}: the file must be an image, one of {', '.join(FORMATS)}; got {written!r}")
    for folder in folders:
        if (name := f"{folder}{path}") in names:
            return name
    raise DataError(f"{place}: {written!r} is not there")
