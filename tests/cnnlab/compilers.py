"""Programs in the place of compilers: they fail, or write a small library or something else."""

import os
import shutil
import stat
from pathlib import Path

import pytest

from cnnlab.kernels import library_build

NAMES = library_build.COMPILERS
FAILS = 'echo "too old" >&2; exit 1'
# Each notes that it was asked, and writes the file that it is asked for.
_WRITES = 'echo asked >> "{log}"; while [ "$1" != -o ]; do shift; done; {write} "$2"'


def no_compilers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide those that are installed."""
    monkeypatch.setattr(library_build, "COMPILERS", ("no-such-compiler",))


def compiler(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str | bytes, name: str = "g++") -> Path:
    """Put a program into a folder, which it makes the first of the path; the other compilers are hidden."""
    program = folder / name
    folder.mkdir(exist_ok=True)
    program.write_bytes(script if isinstance(script, bytes) else f"#!/bin/sh\n{script}\n".encode())
    program.chmod(program.stat().st_mode | stat.S_IEXEC)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    shown = tuple(own for own in NAMES if (folder / own).exists())
    monkeypatch.setattr(library_build, "COMPILERS", shown)
    return program


def writes(text: str, log: Path) -> str:
    """Return the script of one that writes a text."""
    return _WRITES.format(log=log, write=f"printf %s '{text}' >")


def copies(built: Path, log: Path) -> str:
    """Return the script of one that writes a library which is there."""
    return _WRITES.format(log=log, write=f"cp '{built}'")


def calls(log: Path) -> int:
    """Return how often such a program was asked."""
    return len(log.read_text().splitlines()) if log.exists() else 0


def real_library(folder: Path, number: int = 1) -> Path:
    """Return a file that can be loaded: the smallest that a compiler of this machine makes."""
    path = folder / f"small-{number}.so"
    program = next(filter(None, map(shutil.which, ("g++", "clang++", "c++"))))
    source = folder / f"small-{number}.cpp"
    source.write_text(f'extern "C" int number() {{ return {number}; }}\n')
    assert os.spawnv(os.P_WAIT, program, [program, "-shared", "-fPIC", "-o", str(path), str(source)]) == 0
    return path
