"""Checkpoint files: safetensors, all rows of a pack in one file, durable before SQL names them."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


class DamagedFile(Exception):
    """A file is gone or does not hold what was written; `checkpoint` is its number in SQL."""

    def __init__(self, message: str, checkpoint: int) -> None:
        super().__init__(message)
        self.checkpoint = checkpoint


def write(
    folder: Path, name: str, tensors: dict[str, Tensor], metadata: dict[str, str] | None = None
) -> tuple[str, str, int]:
    """Write tensors and their metadata to `folder/name`; returns the name, the SHA-256 and the size in bytes.

    Temporary name, fsync, rename, fsync of the folder: after a power cut there is the whole file or none.
    """
    from safetensors.torch import save

    target = folder / name
    target.parent.mkdir(parents=True, exist_ok=True)
    data = save(
        {key: tensor.detach().cpu().contiguous() for key, tensor in tensors.items()}, metadata=metadata
    )
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


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
