"""The folders of packs: checkpoints, best weights and logs, one folder for each pack."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class FilesSize:
    """How many files there are, and how large they are together, in bytes."""

    files: int
    bytes: int


def measure(files: Path, pack_ids: Iterable[str]) -> FilesSize:
    """Count the files of packs below the folder of files; those that vanish meanwhile are left out."""
    sizes: list[int] = []
    for pack_id in pack_ids:
        for path in _folder(files, pack_id).glob("*"):
            with suppress(FileNotFoundError):
                sizes.append(path.lstat().st_size)
    return FilesSize(len(sizes), sum(sizes))


def remove(files: Path, pack_id: str) -> None:
    """Delete a pack's folder with all that is in it; OSError if that cannot be done."""
    folder = _folder(files, pack_id)
    while folder.is_dir():
        with suppress(FileNotFoundError):  # somebody else deletes there too
            shutil.rmtree(folder)


def _folder(files: Path, pack_id: str) -> Path:
    return files / "packs" / pack_id
