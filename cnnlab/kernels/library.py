"""The compiled library: found, or built at its first use where there is a compiler."""

import ctypes
import os
import platform
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch
from torch import Tensor

from cnnlab.errors import CnnlabError
from cnnlab.kernels import library_build
from cnnlab.user_cache import NoCache, user_cache

NUMBERS = {torch.float32: "float", torch.float64: "double"}  # in C++
GAIN = "with them convolutional nets train up to 2.4 times as fast"  # docs/records.md: LeNet-5, kernels off
INSTALL = "install g++ 12 or newer, or clang++"
ANOTHER_FOLDER = "set CNNLAB_KERNELS to a folder where files can be written and executed, or to off"


@dataclass(frozen=True)
class Kernels:
    """The library and its name, or None and the reason why torch's operations serve instead.

    `remedy`: what to do to have it; empty where nothing helps, or where it is not wanted.
    """

    library: ctypes.CDLL | None
    name: str | None
    reason: str = ""
    remedy: str = ""


_torch_alone = ContextVar("torch_alone", default=False)


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


def load_all() -> dict[torch.dtype, Kernels]:
    """Return the libraries for all types of numbers that can be compiled."""
    return {dtype: load(dtype) for dtype in NUMBERS}


def find(dtype: torch.dtype) -> Kernels:
    """Return the library for a type of number, built if need be.

    `CNNLAB_KERNELS` is `off`, or the folder of built libraries, an absolute path; the default is a folder in
    the user's cache. CnnlabError where it is anything else. One that is there is taken, whichever compiler
    built it, unless it is damaged or cannot be loaded; then, and where there is none, each compiler is tried.
    """
    chosen = os.environ.get("CNNLAB_KERNELS", "")
    if chosen == "off":
        return Kernels(None, None, "CNNLAB_KERNELS is off")
    if chosen and (chosen != chosen.strip() or not Path(chosen).is_absolute()):
        raise CnnlabError(f"CNNLAB_KERNELS must be off, or the absolute path of a folder, got {chosen!r}")
    architecture = platform.machine()
    if architecture not in library_build.ARCHITECTURES:
        return Kernels(None, None, f"there are no kernels for {architecture}")
    if architecture == "x86_64" and torch.backends.cpu.get_cpu_capability() == "DEFAULT":
        return Kernels(None, None, "this processor has no AVX2")
    if dtype not in NUMBERS:
        return Kernels(None, None, f"there are no kernels for {dtype}")
    try:
        folder = Path(chosen) if chosen else user_cache("kernels")
    except NoCache as error:
        return Kernels(None, None, f"{error}; {GAIN}", ANOTHER_FOLDER)
    return _found_or_built(folder, library_build.Recipe(architecture, NUMBERS[dtype]))


def _found_or_built(folder: Path, recipe: library_build.Recipe) -> Kernels:
    faults, remedy = [], INSTALL
    for path, whole in library_build.built(folder, recipe):
        if not whole:
            faults.append(f"{path} is damaged")
            continue
        try:
            return _opened(path)
        except OSError as error:
            faults.append(f"a library cannot be loaded: {error}")
    compilers = library_build.compilers()
    for compiler in compilers:
        try:
            return _opened(library_build.build(compiler, folder, recipe))
        except OSError as error:
            faults.append(f"{compiler} could not build them: {error}")
            remedy = INSTALL if error.filename == compiler else ANOTHER_FOLDER
        except subprocess.SubprocessError as error:
            faults.append(f"{compiler} could not build them: {_first_error(error)}")
    if not compilers:
        faults.append("there is no C++ compiler")
    return Kernels(None, None, f"{'; '.join(faults)}; {GAIN}", remedy)


def _opened(path: Path) -> Kernels:
    return Kernels(ctypes.CDLL(str(path)), path.stem)


def _first_error(error: subprocess.SubprocessError) -> str:
    """Return the first error that a compiler wrote, else its first line, else how it ended."""
    lines = str(getattr(error, "stderr", None) or "").strip().splitlines()
    return next((line for line in lines if "error" in line), lines[0] if lines else str(error))
