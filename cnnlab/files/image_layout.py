"""The layout of a tree of images: which files are in which part and class, from their names alone."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from cnnlab.data import DataError
from cnnlab.files.image_file import FORMATS

# What desktops and archivers leave behind, in lower case; hidden files besides.
JUNK = frozenset({"__macosx", "@eadir", "thumbs.db", "ehthumbs.db", "desktop.ini"})
PARTS = ("train", "test")
VALIDATION = frozenset({"val", "valid", "validation", "dev"})  # names that others have for such a part
OTHER_PARTS = VALIDATION | {"train", "training", "test", "testing", "eval"}
MAX_SHOWN_FOLDERS = 5

Paths = Mapping[str, tuple[str, ...]]  # by name, the folders and the file of it


@dataclass(frozen=True)
class Tree:
    """The files of each part with the index of their class in `classes`, in the order of their names."""

    classes: tuple[str, ...]
    train: tuple[tuple[str, int], ...]
    test: tuple[tuple[str, int], ...]

    def files(self) -> list[str]:
        """Return all files, in the order of their names."""
        return sorted(name for part in (self.train, self.test) for name, _ in part)


def arrange(names: Iterable[str], where: str) -> Tree:
    """Sort the files of `where` into parts and classes by their paths; that of a folder ends with /.

    train/CLASS/FILE and test/CLASS/FILE, or CLASS/FILE, all for training; one folder around everything, files
    beside the folders, hidden files and junk are ignored. Classes are in the order of their names. A file
    that is not an image or is anywhere else, and the folder of a class without images, is a DataError.
    """
    paths = {name: PurePosixPath(name).parts for name in names}
    kept = {n: p for n, p in paths.items() if not any(part.startswith(".") or is_junk(part) for part in p)}
    files = {name: parts for name, parts in kept.items() if not name.endswith("/") and len(parts) > 1}
    folders = [parts for name, parts in kept.items() if name.endswith("/")]
    tops = {parts[0] for parts in files.values()}
    if len(tops) == 1 and tops != {"train"} and any(len(parts) > 2 for parts in files.values()):
        files = {name: parts[1:] for name, parts in files.items() if len(parts) > 2}
        folders = [parts[1:] for parts in folders if parts[0] in tops]
        tops = {parts[0] for parts in files.values()}
    parted = "train" in tops and tops <= {*PARTS}
    if not parted:
        _check_parts(tops, files, where)
    found = _sorted_in(files, parted, where)
    classes = tuple(sorted({label for _, label in found["train"]}))
    if unknown := sorted({label for _, label in found["test"]} - set(classes)):
        raise DataError(f"{where}: test has the class {unknown[0]!r}, which is missing in train")
    _check_folders([parts if parted else ("train", *parts) for parts in folders], classes, parted, where)
    if len(classes) < 2:
        got = ", ".join(classes) or "none"
        raise DataError(f"{where} must hold a folder of images for each of two or more classes, got {got}")
    place = {label: index for index, label in enumerate(classes)}
    train, test = (tuple((n, place[label]) for n, label in found[part]) for part in PARTS)
    return Tree(classes, train, test)


def is_junk(name: str) -> bool:
    """Whether a file or folder is one of those that desktops and archivers leave behind."""
    return name.lower() in JUNK


def _sorted_in(files: Paths, parted: bool, where: str) -> dict[str, list[tuple[str, str]]]:
    """Return the files of each part with their classes."""
    found: dict[str, list[tuple[str, str]]] = {part: [] for part in PARTS}
    for name, parts in sorted(files.items()):
        part, *rest = parts if parted else ("train", *parts)
        if len(rest) != 2:
            form = "PART/CLASS/FILE" if parted else "CLASS/FILE"
            raise DataError(f"{where}: {name} must be in the folder of a class: {form}")
        if PurePosixPath(name).suffix.lower() not in FORMATS:
            raise DataError(f"{where}: {name} must be an image, one of {', '.join(FORMATS)}")
        found[part].append((name, rest[0]))
    return found


def _check_parts(tops: set[str], files: Paths, where: str) -> None:
    """Refuse folders that others call parts, but that are none here: val/cats/1.jpg is of no class `val`."""
    deep = {parts[0] for parts in files.values() if len(parts) > 2}
    if not any(top.lower() in OTHER_PARTS for top in deep):
        return
    strange = sorted(tops - {*PARTS})
    missing = "" if "train" in tops else "; there is no train"
    hint = ""
    if own := [top for top in strange if top.lower() in VALIDATION]:
        hint = (
            ". The validation part is drawn from train, the share data.validation of each class: move the "
            f"images of {own[0]} into the same folders of train, or rename it to test, which is measured last"
        )
    raise DataError(
        f"{where} has {_listed(strange)} beside the parts: only train and test, in lower case, are known"
        f"{missing}{hint}"
    )


def _check_folders(
    folders: Sequence[tuple[str, ...]], classes: Sequence[str], parted: bool, where: str
) -> None:
    """Refuse the folder of a class without an image to train on: the class would silently not be there."""
    within = {parts[:2] for parts in folders if len(parts) > 1 and parts[0] in PARTS}
    empty = sorted(parts for parts in within if parts[1] not in classes)
    if empty:
        shown = ["/".join(parts if parted else parts[1:]) for parts in empty]
        raise DataError(
            f"{where}: {_listed(shown)} {'has' if len(shown) == 1 else 'have'} no image, and so would be no "
            f"class: put images into {'it' if len(shown) == 1 else 'them'}, or delete the folder"
        )


def _listed(names: Sequence[str]) -> str:
    shown = [name if name.isprintable() else repr(name) for name in names[:MAX_SHOWN_FOLDERS]]
    more = f" and {len(names) - MAX_SHOWN_FOLDERS} more" if len(names) > MAX_SHOWN_FOLDERS else ""
    return ", ".join(shown) + more
