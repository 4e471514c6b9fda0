"""Delete files that nobody needs: old logs, checkpoints and weights that no row names, empty folders."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from services.settings import Settings
from services.store import pack_files
from services.store.pack_files import PackFiles
from services.store.session import Store

log = logging.getLogger(__name__)
PERIOD = 3600.0  # seconds from the beginning of one pass over all folders to the next
FOLDERS_PER_ROUND = 100
EMPTY_KEPT = 3600.0  # seconds that an empty log or folder is kept
DAY, HOUR = 24 * 3600.0, 3600.0  # seconds


@dataclass(frozen=True)
class StaleFile:
    """A file or an empty folder that can go."""

    path: Path
    kind: str  # as a user reads it, in the plural
    bytes: int


@dataclass(frozen=True)
class Found:
    """A file in a pack's folder, with all that decides whether it can go."""

    path: Path
    name: str  # below the folder of files, as SQL has it
    bytes: int
    changed_at: float  # seconds since 1970
    now: float
    pack: PackFiles | None  # None: no such pack

    @property
    def age(self) -> float:
        """Seconds since it was last written."""
        return self.now - self.changed_at


class StaleFiles:
    """Deletes stale files, some folders a round; a pass over all begins at the start and every hour."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store, self._settings = store, settings
        self._next_pass = 0.0
        self._batches: Iterator[list[StaleFile]] = iter(())

    def round(self) -> int:
        """Delete what is stale in the next folders; returns how many files and folders."""
        batch = next(self._batches, None)
        if batch is None:
            if time.monotonic() < self._next_pass:
                return 0
            self._next_pass = time.monotonic() + PERIOD
            self._batches = find(self._store, self._settings)
            batch = next(self._batches, [])
        return sum(map(remove, batch))


def find(store: Store, settings: Settings) -> Iterator[list[StaleFile]]:
    """Find stale files, folder by folder, each batch when it is asked for.

    Nothing of a pack that has not ended is stale: its worker may be about to commit the row of a file.
    """
    root = settings.files / "packs"
    names = sorted(os.listdir(root)) if root.is_dir() else []
    for start in range(0, len(names), FOLDERS_PER_ROUND):
        some = [name for name in names[start : start + FOLDERS_PER_ROUND] if (root / name).is_dir()]
        # The files first, then the rows: a row that was committed in between counts.
        listed = {name: _files(root / name) for name in some}
        known = store.read(partial(pack_files.of_packs, pack_ids=list(listed)))
        first, now = store.read(pack_files.oldest), time.time()
        stale: list[StaleFile] = []
        for name, files in listed.items():
            found = [
                Found(path, f"packs/{name}/{path.name}", size, changed, now, known.get(name))
                for path, size, changed in files
            ]
            stale += _of_folder(root / name, found, known.get(name), settings, first)
        yield stale


def remove(stale: StaleFile) -> bool:
    """Delete it; one that cannot be deleted is logged and stops nothing."""
    try:
        if stale.path.is_dir():
            stale.path.rmdir()
        else:
            stale.path.unlink(missing_ok=True)
    except OSError as error:
        log.warning("%s cannot be deleted: %s", stale.path, error.strerror)
        return False
    return True


# ---- what is stale, one function for each kind of file


def is_stale_log(file: Found, settings: Settings) -> bool:
    """An empty log goes soon after its pack, another one some days after its sweep."""
    if file.pack is None:
        return is_orphan(file, settings)
    if file.bytes == 0:
        return file.age > EMPTY_KEPT
    ended = file.pack.sweep_finished_at
    return ended is not None and file.now - ended / 1000 > settings.logs_kept * DAY


def is_orphan(file: Found, settings: Settings) -> bool:
    """A checkpoint, best weights or the rest of an interrupted write go when no row names them."""
    unnamed = file.pack is None or file.name not in file.pack.named
    return unnamed and file.age > settings.orphans_kept * HOUR


KINDS: dict[str, tuple[str, Callable[[Found, Settings], bool]]] = {
    "log.txt": ("logs", is_stale_log),
    "epoch-*.safetensors": ("checkpoints without a row", is_orphan),
    "best-*.safetensors": ("best weights without a trial", is_orphan),
    "*.tmp": ("unfinished files", is_orphan),
}


def _of_folder(
    folder: Path, found: list[Found], pack: PackFiles | None, settings: Settings, first: int | None
) -> list[StaleFile]:
    """What is stale in a pack's folder, and the folder itself if nothing is in it."""
    if pack is not None and not pack.over:
        return []
    changed = max([file.changed_at for file in found] + [_changed_at(folder)])
    if pack is None and (first is None or changed < first / 1000):
        return []  # older than the database: another one may know it
    stale = [
        StaleFile(file.path, kind, file.bytes)
        for file in found
        for pattern, (kind, is_stale) in KINDS.items()
        if file.path.match(pattern) and is_stale(file, settings)
    ]
    if not found and time.time() - changed > EMPTY_KEPT:
        stale.append(StaleFile(folder, "empty folders", 0))
    return stale


def _files(folder: Path) -> list[tuple[Path, int, float]]:
    """The files of a folder with their sizes and times; those that vanish meanwhile are left out."""
    found = []
    try:
        paths = list(folder.iterdir())
    except OSError as error:
        log.warning("%s cannot be listed: %s", folder, error.strerror)
        return []
    for path in paths:
        with suppress(FileNotFoundError):
            status = path.lstat()
            found.append((path, status.st_size, status.st_mtime))
    return found


def _changed_at(folder: Path) -> float:
    try:
        return folder.stat().st_mtime
    except OSError:
        return time.time()
