"""Plug-ins: the operator's own entry files, read from one folder when a process first needs them.

The folder is CNNLAB_PLUGINS. Its sub-folders are named after the kinds and hold entry files, with the same
rules as cnnlab's own; files count if they end in .py and do not begin with a dot. Nothing here needs torch.
"""

import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from hashlib import sha256
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import module_from_spec
from pathlib import Path
from traceback import extract_tb
from types import CodeType

from cnnlab.errors import RegistryError

PACKAGE = "cnnlab_plugins"
_NAME = re.compile(r"[a-z][a-z0-9_]*\.py")


@dataclass(frozen=True)
class Plugins:
    """The files of a folder as they were when it was read, so that code and digest match.

    `files` holds each file's content by its path in the folder, "activations/swish.py".
    """

    folder: Path | None
    files: Mapping[str, bytes]

    @cached_property
    def digest(self) -> str:
        """Return 64 hexadecimal digits that identify all files and their content; "" without files."""
        if not self.files:
            return ""
        lines = (f"{sha256(content).hexdigest()}  {name}\n" for name, content in sorted(self.files.items()))
        return sha256("".join(lines).encode()).hexdigest()

    def names(self, kind: str) -> tuple[str, ...]:
        """Return the names of the entries of a kind, in order."""
        return tuple(
            sorted(
                file.removesuffix(".py").replace("_", "-")
                for folder, _, file in (name.rpartition("/") for name in self.files)
                if folder == kind and _NAME.fullmatch(file)
            )
        )

    def load(self, kind: str, name: str) -> str:
        """Run the file of an entry and return its module's name.

        Any exception of the file becomes a RegistryError with file and reason, and leaves nothing behind.
        """
        stem = name.replace("-", "_")
        file, module_name = f"{kind}/{stem}.py", f"{PACKAGE}.{kind}.{stem}"
        assert self.folder is not None  # without a folder there are no names
        loader = _Loader(module_name, str(self.folder / file), self.files[file])
        module = module_from_spec(ModuleSpec(module_name, loader, origin=loader.path))
        module.__file__ = loader.path
        sys.modules[module_name] = module
        try:
            loader.exec_module(module)
        except (Exception, SystemExit) as error:
            del sys.modules[module_name]
            lines = [
                frame.lineno for frame in extract_tb(error.__traceback__) if frame.filename == loader.path
            ]
            line = f", line {lines[-1]}," if lines else ""
            raise RegistryError(
                f"the plug-in {file}{line} in {self.folder} cannot be loaded: {type(error).__name__}: {error}"
            ) from error
        return module_name

    def strays(self, kinds: Mapping[str, tuple[str, ...]]) -> list[str]:
        """Return what is wrong with files that are not entries; `kinds` has cnnlab's own names."""
        return [problem for name in sorted(self.files) if (problem := _stray(name, kinds))]


def plugins() -> Plugins:
    """Return the plug-ins of this process; RegistryError if CNNLAB_PLUGINS is not a folder."""
    return read(os.environ.get("CNNLAB_PLUGINS", ""))


@cache
def read(folder: str) -> Plugins:
    """Read a folder's files, once per process: after a change, restart the service. "" has none."""
    if not folder:
        return Plugins(None, {})
    root = Path(folder).absolute()
    if not root.is_dir():
        raise RegistryError(f"CNNLAB_PLUGINS must name a folder, got {folder!r}")
    names = (path.relative_to(root) for path in root.rglob("*.py") if path.is_file())
    shown = (name for name in names if not any(part.startswith(".") for part in name.parts))
    try:
        return Plugins(root, {name.as_posix(): (root / name).read_bytes() for name in shown})
    except OSError as error:
        raise RegistryError(f"the plug-ins in {root} cannot be read: {error}") from error


def _stray(name: str, kinds: Mapping[str, tuple[str, ...]]) -> str:
    folder, _, file = name.rpartition("/")
    if folder not in kinds:
        return f"{name} is not in a kind's folder: it must be in one of {', '.join(kinds)}"
    if not _NAME.fullmatch(file):
        return f"{name} must have a name of lower-case letters, digits and _ that begins with a letter"
    if (entry := file.removesuffix(".py").replace("_", "-")) in kinds[folder]:
        return f"{name} is not used: cnnlab has its own {entry!r} in {folder}; give it another name"
    return ""


class _Loader(SourceFileLoader):
    """Runs the content as it was read, even if the file has changed, and writes no bytecode."""

    def __init__(self, name: str, path: str, content: bytes) -> None:
        super().__init__(name, path)
        self._content = content

    def get_code(self, fullname: str) -> CodeType:
        """Compile the content; a SyntaxError names the file."""
        code = self.source_to_code(self._content, self.path)
        assert isinstance(code, CodeType)
        return code
