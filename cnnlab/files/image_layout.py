"""The layout of a tree of images: which files are in which part and class, from their names or a table."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath

import torch
from torch import Tensor

from cnnlab.data import DataError
from cnnlab.files.image_file import FORMATS
from cnnlab.files.label_table import (
    PART_NAMES,
    PARTS,
    TABLE_ENDING,
    TABLE_NAME,
    Listed,
    is_table,
    names_labels,
    read_table,
)

# What desktops and archivers leave behind, in lower case; hidden files besides.
JUNK = frozenset({"__macosx", "@eadir", "thumbs.db", "ehthumbs.db", "desktop.ini"})
MAX_SHOWN_FOLDERS = 5

Paths = Mapping[str, tuple[str, ...]]  # by name, the folders and the file of it


@dataclass(frozen=True)
class Tree:
    """The files of each part with the index of their class in `classes`, in the order of their names.

    Where a `table` names the files, they are in its order; of the images beside it, `unused` are not in it.
    """

    classes: tuple[str, ...]
    train: tuple[tuple[str, int], ...]
    test: tuple[tuple[str, int], ...]
    val: tuple[tuple[str, int], ...] = ()
    table: str = ""
    unused: int = 0

    def parts(self) -> dict[str, tuple[tuple[str, int], ...]]:
        """Return the files with their classes by part."""
        return {"train": self.train, "test": self.test, "val": self.val}

    @cached_property
    def labels(self) -> Tensor:
        """Return the classes of the training images, int64: made once, as a plan asks hundreds of times."""
        return torch.tensor([label for _, label in self.train], dtype=torch.int64)

    @cached_property
    def val_labels(self) -> Tensor:
        """Return the classes of the validation images, int64."""
        return torch.tensor([label for _, label in self.val], dtype=torch.int64)

    def files(self) -> list[str]:
        """Return all images, in the order of their names."""
        return sorted(name for part in self.parts().values() for name, _ in part)


def arrange(names: Iterable[str], where: str, read: Callable[[str], bytes] | None = None) -> Tree:
    """Sort the files of `where` into parts and classes by their paths; that of a folder ends with /.

    train/CLASS/FILE, val/CLASS/FILE and test/CLASS/FILE, parts as PART_NAMES has them in any case; or
    CLASS/FILE, all for training; or the rows of a table, labels.csv or the only .csv, which `read` returns.
    One folder around everything, files beside the folders, hidden files and junk are ignored. Classes are in
    the order of their names. A file that is not an image or is anywhere else, and the folder of a class
    without images, is a DataError.
    """
    paths = {name: PurePosixPath(name).parts for name in names}
    kept = {n: p for n, p in paths.items() if not any(part.startswith(".") or is_junk(part) for part in p)}
    if read and (table := _table(kept, read, where)):
        listed = read_table(table, read(table), {name for name in kept if not name.endswith("/")}, where)
        images = sum(name.lower().endswith(tuple(FORMATS)) for name in kept)
        tree = _tree(listed, where)
        return Tree(tree.classes, tree.train, tree.test, tree.val, table, images - len(listed))
    files = {name: parts for name, parts in kept.items() if not name.endswith("/") and len(parts) > 1}
    folders = [parts for name, parts in kept.items() if name.endswith("/")]
    tops = {parts[0] for parts in files.values()}
    if _wraps(tops, files):
        files = {name: parts[1:] for name, parts in files.items() if len(parts) > 2}
        folders = [parts[1:] for parts in folders if parts[0] in tops]
        tops = {parts[0] for parts in files.values()}
    known = {top: part for top in tops if (part := _part(top))}
    parted = "train" in known.values() and len(known) == len(tops)
    if not parted:
        _check_parts(tops, files, where)
    elif len(set(known.values())) < len(known):
        raise DataError(f"{where} has {_listed(sorted(tops))}: each part must be one folder")
    tree = _tree(_found(files, known if parted else None, where), where)
    depth = 2 if parted else 1  # of the folders of classes
    of_classes = [p[:depth] for p in folders if len(p) >= depth and (p[0] in known or not parted)]
    _check_folders(of_classes, tree.classes, where)
    if len(tree.classes) < 2:
        got = ", ".join(tree.classes) or "none"
        raise DataError(f"{where} must hold a folder of images for each of two or more classes, got {got}")
    return tree


def _wraps(tops: set[str], files: Paths) -> bool:
    """Whether one folder is around everything; one with the name of a part is, if a train is in it.

    Else a folder that has only val/ would be trained on.
    """
    if len(tops) != 1 or not any(len(parts) > 2 for parts in files.values()):
        return False
    inside = {_part(parts[1]) for parts in files.values() if len(parts) > 2}
    return not _part(next(iter(tops))) or (_part(next(iter(tops))) != "train" and "train" in inside)


def is_junk(name: str) -> bool:
    """Whether a file or folder is one of those that desktops and archivers leave behind."""
    return name.lower() in JUNK


def _part(folder: str) -> str:
    """Return the part that a folder's name means; empty if none."""
    return PART_NAMES.get(folder.lower(), "")


def _table(kept: Paths, read: Callable[[str], bytes], where: str) -> str:
    """Return the table of labels at the top, or in the one folder around everything; empty if there is none.

    It is labels.csv, or the only .csv. One of another name beside folders of classes must name its columns as
    a table of labels does, as it may be anything.
    """
    found = [name for name in kept if name.lower().endswith(TABLE_ENDING)]
    top = [name for name in found if len(kept[name]) == 1]
    inside = [name for name in found if len(kept[name]) == 2 and len({p[0] for p in kept.values()}) == 1]
    tables = sorted(top or inside)
    if named := [name for name in tables if is_table(kept[name][-1])]:
        return named[0]
    if _has_classes(kept):
        return tables[0] if len(tables) == 1 and names_labels(read(tables[0])) else ""
    if len(tables) > 1:
        shown = _listed([kept[name][-1] for name in tables])
        raise DataError(
            f"{where} has {shown}: one table must have a row for each image; name it {TABLE_NAME}"
        )
    return (tables or [""])[0]


def _has_classes(kept: Paths) -> bool:
    """Whether images are in folders of two or more names that are none of parts."""
    images = [parts for name, parts in kept.items() if name.lower().endswith(tuple(FORMATS))]
    return len({parts[-2] for parts in images if len(parts) > 1 and not _part(parts[-2])}) > 1


def _tree(listed: Sequence[Listed], where: str) -> Tree:
    """Number the classes of the training part; DataError for one that only another part has."""
    labels = {each.label for each in listed if each.part == "train"}
    numbered = all(each.where and each.label.isdecimal() for each in listed)  # of a table: 2 before 10
    classes = tuple(sorted(labels, key=lambda label: (int(label) if numbered else 0, label)))
    place = {label: index for index, label in enumerate(classes)}
    for each in listed:
        if each.label not in place:
            raise DataError(
                f"{where}: {each.where or each.part} has the class {each.label!r}, which is missing in train"
            )
    by_part = {part: tuple((e.file, place[e.label]) for e in listed if e.part == part) for part in PARTS}
    return Tree(classes, by_part["train"], by_part["test"], by_part["val"])


def _found(files: Paths, known: Mapping[str, str] | None, where: str) -> list[Listed]:
    """Return the files with their parts and classes, in the order of their names."""
    found = []
    for name, parts in sorted(files.items()):
        top, *rest = parts if known else ("", *parts)
        if len(rest) != 2:
            form = "PART/CLASS/FILE" if known else "CLASS/FILE"
            raise DataError(f"{where}: {name} must be in the folder of a class: {form}")
        if PurePosixPath(name).suffix.lower() not in FORMATS:
            raise DataError(f"{where}: {name} must be an image, one of {', '.join(FORMATS)}")
        found.append(Listed(name, rest[0], known[top] if known else "train"))
    return found


def _check_parts(tops: set[str], files: Paths, where: str) -> None:
    """Refuse parts beside folders that are none: val/cats/1.jpg is of no class `val`."""
    deep = {parts[0] for parts in files.values() if len(parts) > 2}
    if not any(_part(top) for top in deep):
        return
    strange = sorted(top for top in tops if not _part(top))
    missing = "" if any(_part(top) == "train" for top in tops) else "; there is no train"
    got = f"has {_listed(strange)} beside the parts" if strange else f"has {_listed(sorted(tops))}"
    raise DataError(f"{where} {got}: the parts are train, val and test ({_synonyms()}){missing}")


def _synonyms() -> str:
    return ", ".join(f"or {name}" for name in PART_NAMES if name not in PARTS)


def _check_folders(folders: Sequence[tuple[str, ...]], classes: Sequence[str], where: str) -> None:
    """Refuse the folder of a class without an image to train on: the class would silently not be there."""
    shown = sorted({"/".join(parts) for parts in folders if parts[-1] not in classes})
    if shown:
        raise DataError(
            f"{where}: {_listed(shown)} {'has' if len(shown) == 1 else 'have'} no image, and so would be no "
            f"class: put images into {'it' if len(shown) == 1 else 'them'}, or delete the folder"
        )


def _listed(names: Sequence[str]) -> str:
    shown = [name if name.isprintable() else repr(name) for name in names[:MAX_SHOWN_FOLDERS]]
    more = f" and {len(names) - MAX_SHOWN_FOLDERS} more" if len(names) > MAX_SHOWN_FOLDERS else ""
    return ", ".join(shown) + more
