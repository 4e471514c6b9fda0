"""The library is found if it is whole, built where it is not there, and never in the way."""

import os
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from compiled_library import needs_kernels
from compilers import FAILS, calls, compiler, copies, no_compilers, real_library, writes

from cnnlab.errors import CnnlabError
from cnnlab.kernels import library, library_build

needs_a_compiler = pytest.mark.skipif(not library_build.compilers(), reason="no compiler")
RECIPE = library_build.Recipe("x86_64", "float")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of libraries, empty, on a processor for which there are some."""
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX2")
    path = tmp_path / "kernels"
    monkeypatch.setenv("CNNLAB_KERNELS", str(path))
    return path


def put(folder: Path, content: bytes) -> Path:
    """Put a library there as it is built."""
    folder.mkdir(exist_ok=True)
    path = folder / RECIPE.name(content)
    path.write_bytes(content)
    return path


def find() -> library.Kernels:
    return library.find(torch.float32)


@needs_kernels
def test_where_a_compiler_is_there_are_kernels() -> None:
    for found in library.load_all().values():
        assert found.library is not None, found.reason


@pytest.mark.long
@needs_a_compiler
def test_it_is_built_once_and_found_without_a_compiler(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CNNLAB_KERNELS", str(tmp_path))
    built = find()
    (file,) = tmp_path.iterdir()
    assert built.library is not None
    assert built.name == file.stem
    before = file.stat().st_mtime_ns
    no_compilers(monkeypatch)
    assert find().name == built.name
    assert file.stat().st_mtime_ns == before
    assert library.find(torch.float64).library is None  # another file


def test_off_is_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CNNLAB_KERNELS", "off")
    assert find() == library.Kernels(None, None, "CNNLAB_KERNELS is off")
    assert find().remedy == ""


@pytest.mark.parametrize("chosen", ["OFF", "off ", "no", "0", "~/k", ".", "k/l", " /k", "/k\r"])
def test_what_is_neither_off_nor_an_absolute_path_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chosen: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CNNLAB_KERNELS", chosen)
    with pytest.raises(CnnlabError) as refused:
        find()
    says = f"CNNLAB_KERNELS must be off, or the absolute path of a folder, got {chosen!r}"
    assert str(refused.value) == says
    assert not list(tmp_path.iterdir())


def test_without_a_compiler_it_says_what_one_would_bring(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    no_compilers(monkeypatch)
    found = find()
    assert found.library is None
    assert found.reason == f"there is no C++ compiler; {library.GAIN}"
    assert found.remedy == library.INSTALL


@needs_a_compiler
@pytest.mark.parametrize("damage", ["cut off", "empty", "text"])
def test_a_damaged_file_is_built_anew(folder: Path, monkeypatch: pytest.MonkeyPatch, damage: str) -> None:
    """One that is cut off must not even be opened: its pages behind the end are a SIGBUS."""
    good = real_library(folder.parent)
    path, content = put(folder, good.read_bytes()), good.read_bytes()
    path.write_bytes({"cut off": content[:-5000], "empty": b"", "text": b"x"}[damage])
    compiler(folder.parent / "bin", monkeypatch, copies(good, folder.parent / "log"))
    found = find()
    assert found.library is not None
    assert found.library.number() == 1
    assert found.name == path.stem
    assert path.read_bytes() == content
    assert list(folder.iterdir()) == [path]


@needs_a_compiler
def test_a_file_that_does_not_load_hides_no_other(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a damaged one nor one that is whole, as of another machine."""
    good = put(folder, real_library(folder.parent).read_bytes())
    whole = [put(folder, f"no library {number}".encode()) for number in range(20)]
    assert any(path.name < good.name for path in whole)
    (folder / f"{RECIPE.stem}-000000000000.so").write_bytes(good.read_bytes()[:5000])
    no_compilers(monkeypatch)
    found = find()
    assert (found.name, found.reason) == (good.stem, "")


def test_without_a_compiler_files_that_do_not_load_are_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = put(folder, b"no library")
    no_compilers(monkeypatch)
    found = find()
    assert found.library is None
    assert found.reason.startswith(f"a library cannot be loaded: {path}: ")
    assert found.reason.endswith(f"; there is no C++ compiler; {library.GAIN}")
    assert found.remedy == library.INSTALL


@needs_a_compiler
def test_one_that_is_there_is_taken_whatever_the_compiler_does(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, log = put(folder, real_library(folder.parent).read_bytes()), folder.parent / "log"
    compiler(folder.parent / "bin", monkeypatch, f'echo asked >> "{log}"; {FAILS}')
    folder.chmod(0o555)
    assert (find().name, find().reason) == (good.stem, "")
    assert calls(log) == 0
    folder.chmod(0o755)


@needs_a_compiler
def test_the_next_compiler_is_tried_where_one_fails(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good, programs = real_library(folder.parent), folder.parent / "bin"
    compiler(programs, monkeypatch, FAILS)
    compiler(programs, monkeypatch, copies(good, folder.parent / "log"), "clang++")
    found = find()
    assert found.library is not None
    assert found.reason == ""


def test_a_compiler_with_two_names_is_tried_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    programs = folder.parent / "bin"
    program = compiler(programs, monkeypatch, FAILS)
    (programs / "c++").symlink_to(program)
    monkeypatch.setattr(library_build, "COMPILERS", ("g++", "c++"))
    assert find().reason == f"{program} could not build them: too old; {library.GAIN}"


def test_a_compiler_that_fails_leaves_no_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = compiler(folder.parent / "bin", monkeypatch, FAILS)
    found = find()
    assert found.library is None
    assert found.reason == f"{program} could not build them: too old; {library.GAIN}"
    assert found.remedy == library.INSTALL
    assert list(folder.iterdir()) == []


def test_a_silent_compiler_is_described_by_its_end(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compiler(folder.parent / "bin", monkeypatch, "exit 3")
    assert "returned non-zero exit status 3" in find().reason


def test_the_first_error_of_a_compiler_is_shown(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    says = "In file included from a.h:1:\na.h:5: error: no such thing\na.h:6: error: another"
    program = compiler(folder.parent / "bin", monkeypatch, f"printf '{says}' >&2; exit 1")
    assert find().reason == f"{program} could not build them: a.h:5: error: no such thing; {library.GAIN}"


def test_what_a_compiler_builds_may_not_load(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = compiler(folder.parent / "bin", monkeypatch, writes("x", folder.parent / "log"))
    found = find()
    (file,) = folder.glob("*.so")
    assert found.library is None
    assert f"{program} could not build them: {file}: " in found.reason
    assert found.remedy == library.ANOTHER_FOLDER


def test_a_folder_that_cannot_be_made_is_no_error(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.write_text("")
    monkeypatch.setenv("CNNLAB_KERNELS", str(folder / "below"))
    compiler(folder.parent / "bin", monkeypatch, FAILS)
    found = find()
    assert found.library is None
    assert "Not a directory" in found.reason
    assert found.remedy == library.ANOTHER_FOLDER


def test_nothing_is_built_where_nothing_may_be_executed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = folder.parent / "log"
    compiler(folder.parent / "bin", monkeypatch, writes("x", log))
    monkeypatch.setattr(os, "statvfs", lambda _: SimpleNamespace(f_flag=os.ST_NOEXEC))
    found = find()
    assert "its file system is mounted noexec" in found.reason
    assert (found.remedy, calls(log)) == (library.ANOTHER_FOLDER, 0)


def test_a_compiler_that_cannot_be_run_is_no_error(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compiler(folder.parent / "bin", monkeypatch, b"\x7fELF of another machine")
    found = find()
    assert found.library is None
    assert "Exec format error" in found.reason
    assert found.remedy == library.INSTALL


def test_another_source_or_content_is_another_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = folder.parent / "log"
    for text in ("one", "two"):
        compiler(folder.parent / "bin", monkeypatch, writes(text, log))
        find()
    source = folder.parent / "other.cpp"
    source.write_text("int other;")
    monkeypatch.setattr(library_build, "SOURCE", source)
    find()
    assert len(list(folder.glob("*.so"))) == calls(log) == 3
    assert not list(folder.glob(".building*"))


def test_the_default_is_a_folder_in_the_cache(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CNNLAB_KERNELS")
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder.parent / "cache"))
    compiler(folder.parent / "bin", monkeypatch, writes("x", folder.parent / "log"))
    find()
    assert len(list((folder.parent / "cache" / "cnnlab" / "kernels").glob("*.so"))) == 1


def test_without_a_cache_nothing_is_built(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CNNLAB_KERNELS", "")
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    found = find()
    assert found.library is None
    assert found.reason.startswith("the user has no home folder")
    assert found.remedy == library.ANOTHER_FOLDER


def test_without_a_compiler_a_damaged_file_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = put(folder, b"a library")
    path.write_bytes(b"a lib")
    no_compilers(monkeypatch)
    assert find().reason == f"{path} is damaged; there is no C++ compiler; {library.GAIN}"


def test_an_unknown_architecture_is_torchs(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setattr("platform.machine", lambda: "s390x")
    assert find() == library.Kernels(None, None, "there are no kernels for s390x")


def test_an_old_processor_and_another_type_are_torchs(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    assert library.find(torch.bfloat16).reason == "there are no kernels for torch.bfloat16"
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "DEFAULT")
    assert find() == library.Kernels(None, None, "this processor has no AVX2")
