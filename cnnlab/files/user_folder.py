"""A user's own data: files below CNNLAB_DATA, and nothing outside, identified by their SHA-256."""

import hashlib
import os
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any

from cnnlab.data import DataError
from cnnlab.errors import ConfigError, nearest
from cnnlab.hyper import Text

PATH = Text(most=500)
SHA256 = Text(most=64, pattern="(?:[0-9a-f]{64})?", words="64 lower-case hexadecimal digits, or empty")
MAX_IMAGE_BYTES = 8 << 30  # of images in memory; a small file may unpack to more


def inside(path: str) -> Path:
    """Return the real location of a path below CNNLAB_DATA; DataError for anything else.

    A link may point to another path below CNNLAB_DATA, never out of it.
    """
    folder = os.environ.get("CNNLAB_DATA", "")
    if not folder:
        raise DataError(
            f"{path or 'own data'} needs CNNLAB_DATA: set it to the folder that holds your data, for the API "
            "and for every worker, and restart them"
        )
    root = Path(folder).resolve()
    if not root.is_dir():
        raise DataError(f"CNNLAB_DATA must name a folder, got {folder!r}")
    if not path:
        raise DataError(f"data.path is missing: name a file or folder below {folder}{_there(root, '')}")
    parts = PurePosixPath(path).parts
    if path.startswith("/") or ".." in parts or "\\" in path or "\0" in path:
        raise DataError(f"the path must be below CNNLAB_DATA: relative, without .. and \\; got {path!r}")
    try:
        for end in range(1, len(parts) + 1):
            place = root.joinpath(*parts[:end])
            if not place.resolve().is_relative_to(root):
                raise DataError(f"{'/'.join(parts[:end])} is a link that points out of CNNLAB_DATA")
        found = root.joinpath(*parts).resolve()
        if not found.exists():
            near = _there(root.joinpath(*parts[:-1]), parts[-1] if parts else "")
            raise DataError(f"{path} is not below CNNLAB_DATA ({folder}){near}")
        if not (found.is_file() or found.is_dir()):
            raise DataError(f"{path} is neither a file nor a folder")
    except (OSError, RuntimeError, ValueError) as error:  # a name that is too long, a cycle of links
        raise DataError(f"{path} below CNNLAB_DATA cannot be read: {error}") from None
    return found


def _there(folder: Path, name: str) -> str:
    """Return what is there instead: the nearest names, else the first few."""
    names = sorted(entry.name for entry in folder.iterdir()) if folder.is_dir() else []
    names = [each for each in names if each.isprintable()]  # half a character cannot be printed
    shown = nearest(name, names) or [each for each in names if not each.startswith(".")][:5]
    return f"; there is {', '.join(shown)}" if shown else "; the folder is empty"


def complete(data: Mapping[str, Any], digest: Callable[[Path], str]) -> dict[str, Any]:
    """Return a section data with the content's SHA-256 filled in; ConfigError at data.path if it has none.

    A section that already has one does not change: only reading the images needs the file.
    """
    if data["sha256"] or not data["path"]:
        return dict(data)
    try:
        return {**data, "sha256": digest(inside(data["path"]))}
    except DataError as error:
        raise ConfigError("data.path", str(error)) from None


def check(data: Mapping[str, Any], got: str) -> None:
    """Raise DataError unless the content has the SHA-256 of the section."""
    if data["sha256"] and got != data["sha256"]:
        raise DataError(
            f"{data['path']} has SHA-256 {got}, but the sweep was planned with {data['sha256']}: restore "
            "that content, or submit again without sha256. To sweep over files, sweep data as a whole"
        )


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file, cached until its size or time changes."""
    try:
        state = path.stat()
        return _file_digest(path, state.st_size, state.st_mtime_ns, state.st_ino)
    except OSError as error:
        raise DataError(f"{path.name} cannot be read: {error}") from error


@lru_cache(maxsize=256)
def _file_digest(path: Path, size: int, mtime: int, inode: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
