"""The library is built once, found again, and never in the way."""

import os
import shutil
import stat
from pathlib import Path

import pytest
import torch

from cnnlab.kernels import library

needs_a_compiler = pytest.mark.skipif(not any(map(shutil.which, library.COMPILERS)), reason="no compiler")

# Answers to --version, and writes the file that it is asked for.
WRITES = 'while [ "$1" != -o ]; do [ "$1" ] || { echo %s; exit 0; }; shift; done; echo x > "$2"'


def without_compilers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "COMPILERS", ("no-such-compiler",))


def a_compiler(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Put a program in the place of the compiler."""
    program = folder / "g++"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(program.stat().st_mode | stat.S_IEXEC)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


@pytest.mark.long
@needs_a_compiler
def test_it_is_built_once_and_found_without_a_compiler(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CNNLAB_KERNELS", str(tmp_path))
    built = library.find(torch.float32)
    (file,) = tmp_path.iterdir()
    assert built.library is not None
    assert built.name == file.stem
    before = file.stat().st_mtime_ns
    assert library.find(torch.float32).name == built.name
    without_compilers(monkeypatch)
    assert library.find(torch.float32).name == built.name
    assert file.stat().st_mtime_ns == before
    assert library.find(torch.float64).library is None  # another file


def test_off_is_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CNNLAB_KERNELS", "off")
    assert library.find(torch.float32) == library.Kernels(None, None, "CNNLAB_KERNELS is off")
    assert library.find(torch.float32).remedy == ""


def test_without_a_compiler_it_says_what_one_would_bring(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CNNLAB_KERNELS", str(tmp_path))
    without_compilers(monkeypatch)
    found = library.find(torch.float32)
    assert found.library is None
    assert found.reason == f"there is no C++ compiler; {library.GAIN}"
    assert found.remedy == library.REMEDY


def test_a_compiler_that_fails_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "built"
    monkeypatch.setenv("CNNLAB_KERNELS", str(target))
    a_compiler(tmp_path, monkeypatch, 'echo "too old" >&2; exit 1')
    found = library.find(torch.float32)
    assert found.library is None
    assert "could not build them: too old" in found.reason
    assert found.remedy == library.REMEDY
    assert list(target.iterdir()) == []


def test_a_file_that_is_no_library_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CNNLAB_KERNELS", str(tmp_path))
    a_compiler(
        tmp_path, monkeypatch, 'while [ "$1" != -o ]; do [ "$1" ] || exit 0; shift; done; echo x > "$2"'
    )
    found = library.find(torch.float32)
    (file,) = tmp_path.glob("*.so")
    assert found.library is None
    assert str(file) in found.reason


def test_a_folder_that_cannot_be_made_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CNNLAB_KERNELS", str(tmp_path / "file" / "folder"))
    a_compiler(tmp_path, monkeypatch, "exit 0")
    found = library.find(torch.float32)
    assert found.library is None
    assert "could not build them" in found.reason


def test_another_source_or_compiler_is_another_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CNNLAB_KERNELS", str(tmp_path))
    a_compiler(tmp_path, monkeypatch, WRITES % "1.0")
    library.find(torch.float32)
    a_compiler(tmp_path, monkeypatch, WRITES % "2.0")
    library.find(torch.float32)
    source = tmp_path / "other.cpp"
    source.write_text("int other;")
    monkeypatch.setattr(library, "SOURCE", source)
    library.find(torch.float32)
    assert len(list(tmp_path.glob("*.so"))) == 3
    assert not list(tmp_path.glob(".building*"))


def test_an_unknown_architecture_is_torchs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "s390x")
    assert library.find(torch.float32).reason == "there are no kernels for s390x"


def test_a_compiler_that_cannot_be_run_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CNNLAB_KERNELS", str(tmp_path))
    program = tmp_path / "g++"
    program.write_bytes(b"\x7fELF of another machine")
    program.chmod(program.stat().st_mode | stat.S_IEXEC)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    found = library.find(torch.float32)
    assert found.library is None
    assert "could not build them" in found.reason
