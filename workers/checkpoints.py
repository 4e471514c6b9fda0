"""Checkpoint files: safetensors, all rows of a pack in one file, durable before SQL hears of them."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


class Damaged(Exception):
    """A file is gone or does not hold what was written; `checkpoint` is its number in SQL."""

    def __init__(self, message: str, checkpoint: int) -> None:
        super().__init__(message)
        self.checkpoint = checkpoint


def write(
    folder: Path, name: str, tensors: dict[str, Tensor], told: dict[str, str] | None = None
) -> tuple[str, str, int]:
    """Write tensors, and what is told of them, to `folder/name`; returns the name, the SHA-256 and the size.

    Temporary name, fsync, rename, fsync of the folder: after a power cut there is the whole file or none.
    """
    from safetensors.torch import save

    target = folder / name
    target.parent.mkdir(parents=True, exist_ok=True)
    data = save({key: tensor.detach().cpu().contiguous() for key, tensor in tensors.items()}, metadata=told)
    temporary = target.with_suffix(".tmp")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(target.parent)
    return name, hashlib.sha256(data).hexdigest(), len(data)


def read(path: Path, sha256: str, checkpoint: int) -> dict[str, Tensor]:
    """Every tensor of a file, (K, …); `Damaged` unless the file's SHA-256 is the recorded one."""
    from safetensors.torch import load

    try:
        data = path.read_bytes()
    except OSError as error:
        raise Damaged(f"{path.name} cannot be read: {error.strerror}", checkpoint) from error
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        raise Damaged(f"{path.name} has SHA-256 {found[:12]}…, but {sha256[:12]}… was written", checkpoint)
    tensors: dict[str, Tensor] = load(data)
    return tensors


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
