"""Building the compiled library: compilers, their flags, and files whose names say whether they are whole."""

import errno
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

SOURCE = Path(__file__).with_name("cpp") / "library.cpp"
COMPILERS = ("g++", "clang++", "c++")
# By the name of the processor's architecture. x86-64-v3 has AVX2 and FMA, as every x86 server since 2015.
ARCHITECTURES = {"x86_64": ("-march=x86-64-v3",), "aarch64": (), "arm64": ()}
FLAGS = ("-std=c++17", "-O3", "-ffp-contract=fast", "-fPIC", "-shared", "-pthread", "-w")
MAX_BUILD_SECONDS = 120


@dataclass(frozen=True)
class Recipe:
    """What a library is built from, besides the source: the architecture and the C++ name of its numbers."""

    architecture: str
    number: str

    @property
    def flags(self) -> tuple[str, ...]:
        """Return the compiler's flags."""
        return (*FLAGS, *ARCHITECTURES[self.architecture], f"-DREAL={self.number}")

    @cached_property
    def stem(self) -> str:
        """Return what the names of all libraries of this source and these flags begin with."""
        folder = SOURCE.parent
        sources = [path.read_bytes() for path in sorted([*folder.glob("*.cpp"), *folder.glob("*.h")])]
        return f"kernels-{_digest(*sources, self.architecture.encode(), *map(str.encode, self.flags))}"

    def name(self, content: bytes) -> str:
        """Return the name of a library with this content."""
        return f"{self.stem}-{_digest(content)}.so"


def built(folder: Path, recipe: Recipe) -> Iterator[tuple[Path, bool]]:
    """Yield the libraries of a recipe, whichever compiler built them, and whether each is whole.

    One is if its content has the digest in its name. A process that opens a file which was cut off ends by
    SIGBUS.
    """
    for path in sorted(folder.glob(f"{recipe.stem}-*.so")):
        try:
            yield path, path.name == recipe.name(path.read_bytes())
        except OSError:  # it cannot be read, or is gone
            continue


def compilers() -> list[str]:
    """Return the compilers that are installed, each once: `c++` is mostly another name of another."""
    programs: dict[Path, str] = {}
    for program in filter(None, map(shutil.which, COMPILERS)):
        programs.setdefault(Path(program).resolve(), program)
    return list(programs.values())


def build(compiler: str, folder: Path, recipe: Recipe) -> Path:
    """Compile the source and return the library's file; a damaged one of that name is replaced.

    OSError where the folder cannot be written or its files not executed, SubprocessError where the compiler
    fails.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if os.statvfs(folder).f_flag & os.ST_NOEXEC:
        raise PermissionError(errno.EACCES, "its file system is mounted noexec", str(folder))
    with tempfile.TemporaryDirectory(dir=folder, prefix=".building-") as own:
        part = Path(own) / "library.so"
        command = [compiler, *recipe.flags, "-o", str(part), str(SOURCE)]
        subprocess.run(command, capture_output=True, text=True, check=True, timeout=MAX_BUILD_SECONDS)
        return part.replace(folder / recipe.name(part.read_bytes()))


def _digest(*parts: bytes) -> str:
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:12]
