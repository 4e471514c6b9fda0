"""Checkpoint files: safetensors, all rows of a pack in one file, durable before SQL names them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from torch import Tensor

MAX_SYNCS = 16  # at once


class DamagedFile(Exception):
    """A file is gone or does not hold what was written; `checkpoint` is its number in SQL."""

    def __init__(self, message: str, checkpoint: int) -> None:
        super().__init__(message)
        self.checkpoint = checkpoint


class NewFile(NamedTuple):
    """A file to write: its name, from the folder of all files on, its tensors and its metadata."""

    name: str
    tensors: Mapping[str, Tensor]
    metadata: dict[str, str] | None = None


def write(folder: Path, file: NewFile) -> tuple[str, str, int]:
    """Write one file; returns its name, its SHA-256 and its size in bytes."""
    [written] = write_all(folder, [file])
    return written


def write_all(folder: Path, files: Sequence[NewFile]) -> list[tuple[str, str, int]]:
    """Write files below `folder`; returns the name, the SHA-256 and the size in bytes of each.

    Temporary names, fsync, rename, fsync of their folders: after a power cut each is there whole or not at
    all. They are synced at once: a sync does nothing but wait for the disk, which takes many in one go.
    """
    from safetensors.torch import save

    written, moves = [], list[tuple[Path, Path]]()
    try:
        for file in files:
            tensors = {key: tensor.detach().cpu().contiguous() for key, tensor in file.tensors.items()}
            data, target = save(tensors, metadata=file.metadata), folder / file.name
            target.parent.mkdir(parents=True, exist_ok=True)
            moves.append((target.with_suffix(".tmp"), target))
            moves[-1][0].write_bytes(data)
            written.append((file.name, hashlib.sha256(data).hexdigest(), len(data)))
        with ThreadPoolExecutor(min(MAX_SYNCS, len(moves))) as threads:
            for _ in threads.map(_sync, [temporary for temporary, _ in moves]):
                pass  # an error is raised here
        for temporary, target in moves:
            temporary.replace(target)
    except OSError:
        for temporary, _ in moves:
            temporary.unlink(missing_ok=True)
        raise
    for parent in {target.parent for _, target in moves}:
        _sync(parent)
    return written


def read(path: Path, sha256: str, checkpoint: int) -> dict[str, Tensor]:
    """Read every tensor of a file, (K, …); `DamagedFile` unless the file's SHA-256 is the recorded one."""
    from safetensors.torch import load

    try:
        data = path.read_bytes()
    except OSError as error:
        raise DamagedFile(f"{path.name} cannot be read: {error.strerror}", checkpoint) from error
    actual = hashlib.sha256(data).hexdigest()
    if actual != sha256:
        raise DamagedFile(f"{path.name} must have SHA-256 {sha256[:12]}…, got {actual[:12]}…", checkpoint)
    tensors: dict[str, Tensor] = load(data)
    return tensors


def _sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
