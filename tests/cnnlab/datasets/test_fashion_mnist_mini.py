"""The images that ship are those that the script chooses, and may be passed on."""

import hashlib
import importlib.util
import lzma
from pathlib import Path
from types import ModuleType

import pytest

from cnnlab.datasets import fashion_mnist, fashion_mnist_mini
from cnnlab.files.published import File, Published

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "cnnlab" / "datasets" / "fashion-mnist-mini"


@pytest.fixture
def script() -> ModuleType:
    path = ROOT / "scripts" / "make_fashion_mnist_mini.py"
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _files(published: Published) -> tuple[File, ...]:
    return (published.train_x, published.train_y, published.test_x, published.test_y)


def test_the_choice_is_the_documented_one(script: ModuleType) -> None:
    labels = [1, 0, 0, 1, 0, 1, 0, 1]
    # `printf "train 1" | sha256sum` and so on: 1 → 37…, 2 → 24…, 4 → 81…, 6 → c9… are the images of class 0,
    # 0 → 53…, 3 → f8…, 5 → 44…, 7 → 74… those of class 1.
    assert script.choose("train", labels, 2) == [0, 1, 2, 5]


def test_the_stated_content_is_what_the_script_makes(script: ModuleType) -> None:
    full = fashion_mnist.FILES
    if all(full.find(file) for file in _files(full)):
        contents = script.contents()
    else:  # then the files that ship must do: that they have the stated content is true in any case
        contents = {
            file.name: lzma.decompress((FOLDER / f"{file.name}.xz").read_bytes())
            for file in _files(fashion_mnist_mini.FILES)
        }
    stated = {file.name: file.sha256 for file in _files(fashion_mnist_mini.FILES)}
    assert {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()} == stated


def test_what_ships_is_small_whole_and_under_its_licence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CNNLAB_DATA", raising=False)
    published = fashion_mnist_mini.FILES
    packed = {f"{file.name}.xz" for file in _files(published)}
    assert {path.name for path in FOLDER.iterdir()} == packed | {"LICENSE", "README.md"}
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 3_000_000
    assert all(published.content(file) for file in _files(published))
    licence = (FOLDER / "LICENSE").read_text(encoding="utf-8")
    assert licence.startswith("The MIT License (MIT)\n\nCopyright © 2017 Zalando SE")


def test_the_script_writes_what_the_reader_reads(
    script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(script, "FOLDER", tmp_path / "mini")
    monkeypatch.setattr(script, "contents", lambda: {"x": b"made"})
    script.main()
    made = File("x", 4, hashlib.sha256(b"made").hexdigest())
    assert Published("mini", made, made, made, made, folders=(tmp_path / "mini",)).content(made) == b"made"
    assert f"x: 4 bytes, SHA-256 {made.sha256}" in capsys.readouterr().out
