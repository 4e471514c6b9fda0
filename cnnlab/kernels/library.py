"""The compiled library: found, or built at its first use where there is a compiler."""

import ctypes
import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

SOURCE = Path(__file__).with_name("cpp") / "library.cpp"
COMPILERS = ("g++", "clang++", "c++")
# By the name of the processor's architecture. x86-64-v3 has AVX2 and FMA, as every x86 server since 2015.
ARCHITECTURES = {"x86_64": ("-march=x86-64-v3",), "aarch64": (), "arm64": ()}
FLAGS = ("-std=c++17", "-O3", "-ffp-contract=fast", "-fPIC", "-shared", "-pthread", "-w")
NUMBERS = {torch.float32: "float", torch.float64: "double"}  # in C++
GAIN = "with one (GCC 12 or Clang), convolutional nets train up to three times as fast"
REMEDY = "install g++ 12 or newer, or clang++"
MAX_BUILD_SECONDS = 120


# Returns a call of compiled code, given its tensors, which stay where they are, and other arguments.
Prepare = Callable[..., Callable[[], None]]
Watcher = Callable[[Prepare, tuple[Any, ...]], None]


@dataclass(frozen=True)
class Kernels:
    """The library and its name, or None and the reason why torch's operations serve instead.

    `remedy`: what to install to have it; empty where nothing helps, or where it is not wanted.
    """

    library: ctypes.CDLL | None
    name: str | None
    reason: str = ""
    remedy: str = ""


_torch_alone = ContextVar("torch_alone", default=False)
_watcher: ContextVar[Watcher | None] = ContextVar("watcher", default=None)


def run(prepare: Prepare, *arguments: Any) -> None:
    """Do the call of compiled code that is prepared for these arguments; who watches may do it on others."""
    prepare(*arguments)()
    if watcher := _watcher.get():
        watcher(prepare, arguments)


def passed(argument: Any) -> Any:
    """Return an argument as compiled code gets it: of a tensor, where its numbers begin."""
    return ctypes.c_void_p(argument.data_ptr()) if isinstance(argument, Tensor) else argument


@contextmanager
def watch(watcher: Watcher) -> Iterator[None]:
    """Pass every call of compiled code in this context to `watcher`, after it was done."""
    token = _watcher.set(watcher)
    try:
        yield
    finally:
        _watcher.reset(token)


@contextmanager
def torch_alone() -> Iterator[None]:
    """Have torch's operations serve alone in this context, to compare with them."""
    token = _torch_alone.set(True)
    try:
        yield
    finally:
        _torch_alone.reset(token)


def takes(x: Tensor) -> bool:
    """Whether compiled operations serve for this tensor, here and now: on a CPU, float32 or float64."""
    return x.device.type == "cpu" and not _torch_alone.get() and load(x.dtype).library is not None


@cache
def load(dtype: torch.dtype = torch.float32) -> Kernels:
    """Return what `find` found when this process first asked."""
    return find(dtype)


def find(dtype: torch.dtype) -> Kernels:
    """Return the library for a type of number, built if need be.

    `CNNLAB_KERNELS` is `off`, or the folder of built libraries; the default is a folder in the user's cache.
    A library is named after its source, the flags and the compiler: another of them builds another one.
    Where there is no compiler, one of this source and these flags is taken, whichever compiler built it.
    """
    chosen = os.environ.get("CNNLAB_KERNELS", "")
    if chosen == "off":
        return Kernels(None, None, "CNNLAB_KERNELS is off")
    architecture = platform.machine()
    if architecture not in ARCHITECTURES:
        return Kernels(None, None, f"there are no kernels for {architecture}")
    if architecture == "x86_64" and torch.backends.cpu.get_cpu_capability() == "DEFAULT":
        return Kernels(None, None, "this processor has no AVX2")
    if dtype not in NUMBERS:
        return Kernels(None, None, f"there are no kernels for {dtype}")
    flags = (*FLAGS, *ARCHITECTURES[architecture], f"-DREAL={NUMBERS[dtype]}")
    stem = f"kernels-{_digest(*_sources(), architecture, *flags)}"
    folder = Path(chosen) if chosen else _cache()
    compiler = next(filter(None, map(shutil.which, COMPILERS)), None)
    if compiler is None:
        built = sorted(folder.glob(f"{stem}-*.so"))
        return _opened(built[0]) if built else _not_built("there is no C++ compiler")
    try:
        version = subprocess.run([compiler, "--version"], capture_output=True, text=True, check=False).stdout
        target = folder / f"{stem}-{_digest(version)}.so"
        if not target.exists():
            build(compiler, flags, target)
    except (OSError, subprocess.SubprocessError) as error:
        output = getattr(error, "stderr", None)
        says = str(output).strip().splitlines()[0] if output else str(error)
        return _not_built(f"{compiler} could not build them: {says}")
    return _opened(target)


def build(compiler: str, flags: tuple[str, ...], target: Path) -> None:
    """Compile the source; the file appears whole or not at all.

    OSError where the folder cannot be written, SubprocessError where the compiler fails.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".building-") as folder:
        part = Path(folder) / target.name
        command = [compiler, *flags, "-o", str(part), str(SOURCE)]
        subprocess.run(command, capture_output=True, text=True, check=True, timeout=MAX_BUILD_SECONDS)
        part.replace(target)


def _not_built(why: str) -> Kernels:
    return Kernels(None, None, f"{why}; {GAIN}", REMEDY)


def _opened(path: Path) -> Kernels:
    try:
        return Kernels(ctypes.CDLL(str(path)), path.stem)
    except OSError as error:
        return Kernels(None, None, f"{path} cannot be loaded: {error}")


def _sources() -> list[str]:
    """Return the text of the source and of all that it may include."""
    folder = SOURCE.parent
    return [path.read_text() for path in sorted([*folder.glob("*.cpp"), *folder.glob("*.h")])]


def _cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(base) / "cnnlab" / "kernels"


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]
