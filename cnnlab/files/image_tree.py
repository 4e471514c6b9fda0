"""Image files in folders named after their class, in a folder or in a .zip."""

import hashlib
import io
import lzma
import os
import re
import stat
import time
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from itertools import islice
from pathlib import Path
from threading import Lock

from cnnlab.data import DamagedData, DataError
from cnnlab.files.image_file import check_header
from cnnlab.files.image_layout import Tree, arrange
from cnnlab.files.shared_images import shared
from cnnlab.files.user_folder import file_digest

MAX_FILE_BYTES = 64 << 20  # bytes of one image file
MAX_FILES = 2_000_000
MAX_SHOWN_FAULTS = 20  # of damaged files in one message
MAX_SHOWN_NAME_CHARS = 80
_LISTING_SECONDS = 2.0  # for which a listing of a folder is used again
_NO_UTF8 = re.compile("[\ud800-\udfff]")
_ESCAPES = re.compile(r"^/|^[A-Za-z]:|(^|/)\.\.(/|$)|[\\\0]")
_ARCHIVE_ERRORS = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError, RuntimeError),
    *(UnicodeDecodeError, KeyError),  # of members' names; a member that is gone since they were read
)


@dataclass(frozen=True)
class Content:
    """What reading all files gave: their digest, and what is wrong with some, a sentence each.

    `keys` are equal for images whose files are equal, by name.
    """

    digest: str
    faults: tuple[str, ...]
    keys: Mapping[str, Hashable] = field(default_factory=dict, repr=False)


class Source:
    """A folder or a .zip with a tree of images: its names, its digest, its content."""

    def __init__(self, path: Path, name: str) -> None:
        self.path, self.name = path, name

    def tree(self) -> Tree:
        """Return the classes of all images, from their names alone."""
        if self.path.is_dir():
            return _listing(self.path, self.name).tree
        return _zip_tree(self.path, self.name, file_digest(self.path))

    def digest(self) -> str:
        """Return a .zip's SHA-256, or that of the output of sha256sum for a folder's images."""
        if not self.path.is_dir():
            return file_digest(self.path)
        return _listing(self.path, self.name).content.digest

    def check_headers(self) -> None:
        """Raise DamagedData, with the names, where files are not images by their first bytes."""
        if self.path.is_dir():
            faults = _listing(self.path, self.name).content.faults
        else:
            faults = _zip_faults(self.path, self.name, file_digest(self.path))
        self.refuse(faults)

    def shared(self) -> tuple[str, ...]:
        """Return which parts have images in common, byte for byte, a sentence each."""
        if self.path.is_dir():
            return _listing(self.path, self.name).shared
        return _zip_shared(self.path, self.name, file_digest(self.path))

    def read(self, take: Callable[[str, bytes], None]) -> Content:
        """Pass each image file's name and content to `take`, in order; its DamagedData are collected."""
        tree = self.tree()
        names = tuple(tree.files())
        if self.path.is_dir():
            return _read_folder(self.path, names, take, tree.table)
        with _damage(self.name), self.path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            with zipfile.ZipFile(file) as archive:
                faults: list[str] = []
                for name in names:
                    with _collected(faults):
                        take(name, _member(archive, name))
        return Content(digest, tuple(faults))

    def refuse(self, faults: Sequence[str]) -> None:
        """Raise DamagedData with the faults, if there are any: the first of them, and how many."""
        if not faults:
            return
        files = f"{len(faults)} files" if len(faults) > 1 else "one file"
        more = f"; and {len(faults) - MAX_SHOWN_FAULTS} more" if len(faults) > MAX_SHOWN_FAULTS else ""
        raise DamagedData(
            f"{self.name}: {files} cannot be used, replace or delete what is listed: "
            f"{'; '.join(faults[:MAX_SHOWN_FAULTS])}{more}"
        )


@lru_cache(maxsize=16)
def _zip_tree(path: Path, name: str, digest: str) -> Tree:
    with _damage(name), zipfile.ZipFile(path) as archive:
        members = archive.infolist()
    if len(members) > MAX_FILES:
        raise DataError(f"{name} must have at most {MAX_FILES:,} members, got {len(members):,}")
    seen = set()
    for member in members:
        if _ESCAPES.search(member.orig_filename):
            raise DataError(f"{name} has a member whose path leaves the archive: {member.orig_filename!r}")
        if stat.S_ISLNK(member.external_attr >> 16):
            raise DataError(f"{name} has a member that is a link: {member.filename!r}")
        if member.flag_bits & 1:
            raise DataError(f"{name}: {member.filename} is encrypted")
        if member.filename in seen:
            raise DataError(f"{name} has the member {member.filename!r} twice")
        seen.add(member.filename)

    def read(table: str) -> bytes:
        with zipfile.ZipFile(path) as archive:
            return _member(archive, table)

    return arrange((member.filename for member in members), name, read)


class _Listing:
    """The listing of a folder: each file's path, size and time; the path of a folder in it ends with /."""

    def __init__(self, path: Path, name: str, files: tuple[tuple[str, int, int], ...]) -> None:
        self.path, self.name, self.files = path, name, files

    @cached_property
    def tree(self) -> Tree:
        return arrange((file for file, _, _ in self.files), self.name, self._read)

    def _read(self, table: str) -> bytes:
        with _damage(shown(table)), (self.path / table).open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
        _check_size(table, len(content))
        return content

    @cached_property
    def content(self) -> Content:
        table = self.tree.table
        wanted = {*self.tree.files(), table}
        return _folder_content(self.path, tuple(found for found in self.files if found[0] in wanted), table)

    @cached_property
    def shared(self) -> tuple[str, ...]:
        return _shared(self.tree, self.content.keys)


def _shared(tree: Tree, keys: Mapping[str, Hashable]) -> tuple[str, ...]:
    parts = {part: [name for name, _ in files] for part, files in tree.parts().items()}
    found = {part: [keys[name] for name in names] for part, names in parts.items()}
    return shared(found, lambda part, place: shown(parts[part][place]))


def _listing(path: Path, name: str) -> _Listing:
    """Return a folder's listing, at most two seconds old: a plan needs it hundreds of times."""
    last, moment = _last_listing(path, name), int(time.monotonic() / _LISTING_SECONDS)
    with last.lock:
        if last.listing is None or last.moment != moment:
            files = _list(path, name)
            # A list of a million files takes hundreds of MB, so equal lists are kept only once.
            if last.listing is None or last.listing.files != files:
                last.listing = _Listing(path, name, files)
            last.moment = moment
        return last.listing


@dataclass
class _LastListing:
    """The last listing of a folder, and when it was made."""

    lock: Lock = field(default_factory=Lock)
    moment: int = 0
    listing: _Listing | None = None


@lru_cache(maxsize=16)
def _last_listing(path: Path, name: str) -> _LastListing:
    return _LastListing()


def _list(folder: Path, name: str) -> tuple[tuple[str, int, int], ...]:
    try:
        files = tuple(sorted(islice(_walk(folder, name, ""), MAX_FILES + 1)))
    except (OSError, RecursionError) as error:
        raise DataError(f"{name} cannot be read: {error}") from error
    if len(files) > MAX_FILES:
        raise DataError(f"{name} must have at most {MAX_FILES:,} files and folders")
    return files


def _walk(folder: Path, name: str, above: str) -> Iterator[tuple[str, int, int]]:
    """Yield what is below a folder; by scandir, because Path takes seconds for a hundred thousand."""
    with os.scandir(folder / above) as entries:
        for entry in entries:
            inner = f"{above}{entry.name}"
            if _NO_UTF8.search(entry.name):
                raise DataError(f"{name}: {inner!a} must have a name in UTF-8; rename it")
            if entry.is_symlink():
                raise DataError(f"{name}: {inner} is a link; in a folder of images nothing may be one")
            if entry.is_dir():
                yield f"{inner}/", 0, 0
                yield from _walk(folder, name, f"{inner}/")
            elif entry.is_file():
                state = entry.stat()
                yield inner, state.st_size, state.st_mtime_ns


@lru_cache(maxsize=16)
def _folder_content(folder: Path, files: tuple[tuple[str, int, int], ...], table: str) -> Content:
    """Return the digest of a folder's images, and those whose headers are wrong: each is read anyway."""
    return _read_folder(folder, [name for name, _, _ in files if name != table], _check_header, table)


def _check_header(name: str, content: bytes) -> None:
    check_header(io.BytesIO(content), shown(name))


def _read_folder(
    folder: Path, names: Iterable[str], take: Callable[[str, bytes], None], table: str = ""
) -> Content:
    """Pass each image to `take`; the digest is that of the lines `SHA-256  NAME`, one for the table, too."""
    faults: list[str] = []
    keys: dict[str, Hashable] = {}
    whole = hashlib.sha256()
    for name in sorted([*names, table] if table else names):
        with _damage(shown(name)), (folder / name).open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
            own = hashlib.sha256(content)
            while rest := file.read(1 << 20):
                own.update(rest)
        whole.update(f"{own.hexdigest()}  {name}\n".encode())
        if name == table:
            continue
        keys[name] = own.digest()
        with _collected(faults):
            _check_size(name, len(content))
            take(name, content)
    return Content(whole.hexdigest(), tuple(faults), keys)


@lru_cache(maxsize=16)
def _zip_shared(path: Path, name: str, digest: str) -> tuple[str, ...]:
    """Compare the images of an archive by size and CRC-32 and, where these agree, by SHA-256."""
    tree = _zip_tree(path, name, digest)
    files = tree.files()
    with _damage(name), zipfile.ZipFile(path) as archive:
        members = {file: archive.getinfo(file) for file in files}
        keys: dict[str, Hashable] = {file: (m.file_size, m.CRC) for file, m in members.items()}
        often = Counter(keys.values())
        for file in files:
            if often[keys[file]] > 1:
                keys[file] = hashlib.sha256(_member(archive, file)).digest()
    return _shared(tree, keys)


@lru_cache(maxsize=16)
def _zip_faults(path: Path, name: str, digest: str) -> tuple[str, ...]:
    """Return what is wrong with the headers of an archive's images."""
    faults: list[str] = []
    with _damage(name), zipfile.ZipFile(path) as archive:
        for file in _zip_tree(path, name, digest).files():
            with _collected(faults), _damage(shown(file)):
                # As declared, which bounds what is unpacked: some decoders read all of a file to open it.
                _check_size(file, archive.getinfo(file).file_size)
                with archive.open(file) as member:
                    check_header(member, shown(file))
    return tuple(faults)


def _member(archive: zipfile.ZipFile, name: str) -> bytes:
    with _damage(shown(name)), archive.open(name) as member:
        content = member.read(MAX_FILE_BYTES + 1)
    _check_size(name, len(content))
    return content


def _check_size(name: str, size: int) -> None:
    if size > MAX_FILE_BYTES:
        raise DamagedData(f"{shown(name)} must have at most {MAX_FILE_BYTES:,} bytes unpacked")


def shown(name: str) -> str:
    """Return a file's name for a message: its end if it is long, and no control characters."""
    name = f"…{name[-MAX_SHOWN_NAME_CHARS:]}" if len(name) > MAX_SHOWN_NAME_CHARS else name
    return name if name.isprintable() else repr(name)


@contextmanager
def _collected(faults: list[str]) -> Iterator[None]:
    """Keep the message of a DamagedData, and go on."""
    try:
        yield
    except DamagedData as fault:
        faults.append(str(fault))


@contextmanager
def _damage(name: str) -> Iterator[None]:
    """Turn errors of zipfile into DamagedData, and those of the disk into DataError."""
    try:
        yield
    except _ARCHIVE_ERRORS as error:
        raise DamagedData(f"{name} is damaged or cannot be read: {error}") from error
    except OSError as error:
        fault = DamagedData if error.errno is None else DataError  # bz2 has none for a wrong stream
        raise fault(f"{name} is damaged or cannot be read: {error}") from error
