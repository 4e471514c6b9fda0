"""Where published files are looked for, and what is kept of a download: nothing that is not right."""

import gzip
import hashlib
import lzma
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from loopback_home import Home, serve

from cnnlab.data import DataError
from cnnlab.files.idx import encode
from cnnlab.files.published import File, Published

X, Y = torch.arange(12, dtype=torch.uint8).reshape(3, 2, 2), torch.tensor([2, 0, 1], dtype=torch.uint8)
CONTENTS = {"train-x": encode(X), "train-y": encode(Y), "test-x": encode(X[:1]), "test-y": encode(Y[:1])}
PACKED = {f"{name}.gz": gzip.compress(content) for name, content in CONTENTS.items()}
FILES = [File(name, len(content), hashlib.sha256(content).hexdigest()) for name, content in CONTENTS.items()]
TRAIN_X = FILES[0]


@pytest.fixture
def home() -> Iterator[Home]:
    with serve() as running:
        running.files |= PACKED
        yield running


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("CNNLAB_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "cnnlab" / "made"


def _made(*homes: str, folder: Path | None = None) -> Published:
    train_x, train_y, test_x, test_y = FILES
    return Published("made", train_x, train_y, test_x, test_y, () if folder is None else (folder,), homes)


def _put(folder: Path, files: dict[str, bytes]) -> Path:
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def test_fetches_what_is_missing_once(home: Home, cache: Path) -> None:
    images = _made(home.url).load()
    assert torch.equal(images.train_x, X.unsqueeze(1))
    assert torch.equal(images.train_y, Y.long())
    assert torch.equal(images.test_x, X[:1].unsqueeze(1))
    assert torch.equal(images.test_y, Y[:1].long())
    assert home.asked == list(PACKED)
    assert {path.name: path.read_bytes() for path in cache.iterdir()} == PACKED
    _made(home.url).load()
    assert home.asked == list(PACKED)


@pytest.mark.parametrize(
    ("suffix", "pack"),
    [("", bytes), (".gz", gzip.compress), (".xz", lzma.compress)],
    ids=["plain", "gz", "xz"],
)
def test_reads_the_chosen_folder_in_any_packing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str, pack: Callable[[bytes], bytes]
) -> None:
    _put(tmp_path / "data" / "made", {f"{name}{suffix}": pack(content) for name, content in CONTENTS.items()})
    monkeypatch.setenv("CNNLAB_DATA", str(tmp_path / "data"))
    assert torch.equal(_made().load().train_x, X.unsqueeze(1))


def test_looks_in_the_chosen_folder_then_the_systems_then_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: Home, cache: Path
) -> None:
    monkeypatch.setenv("CNNLAB_DATA", str(tmp_path / "data"))
    made = _made(home.url, folder=tmp_path / "system")
    assert made.find(TRAIN_X) is None
    for folder in (cache, tmp_path / "system", tmp_path / "data" / "made"):
        _put(folder, PACKED)
        assert made.find(TRAIN_X) == folder / "train-x.gz"
    made.load()
    assert home.asked == []


def test_falls_back_to_the_next_home(home: Home, cache: Path) -> None:
    assert _made(f"{home.url}old/", home.url).content(TRAIN_X) == CONTENTS["train-x"]
    assert home.asked == ["old/train-x.gz", "train-x.gz"]
    assert [path.name for path in cache.iterdir()] == ["train-x.gz"]


@pytest.mark.parametrize(
    ("body", "breaks", "words"),
    [
        (gzip.compress(encode(X + 1)), False, f"must be {TRAIN_X.sha256}, got [0-9a-f]{{64}}"),
        (b"<html>log in to the network</html>", False, "is damaged and cannot be unpacked"),
        (gzip.compress(CONTENTS["train-x"] + b"\0"), False, "must have at most 28 bytes unpacked, but"),
        (PACKED["train-x.gz"], True, "was interrupted"),
    ],
    ids=["other content", "page", "too long", "breaks off"],
)
def test_a_wrong_download_leaves_nothing_in_the_cache(
    home: Home, cache: Path, body: bytes, breaks: bool, words: str
) -> None:
    home.files["train-x.gz"] = body
    if breaks:
        home.breaks.add("train-x.gz")
    with pytest.raises(DataError, match=words) as caught:
        _made(home.url).load()
    assert f"Downloading it failed: {home.url}train-x.gz" in str(caught.value)
    assert not cache.exists()


def test_says_where_it_looked_and_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    monkeypatch.setenv("CNNLAB_DATA", str(tmp_path / "data"))
    with pytest.raises(DataError) as caught:
        _made(folder=tmp_path / "system").load()
    assert str(caught.value) == (
        f"made needs the file train-x, plain or packed, which is in none of {tmp_path}/data/made, "
        f"{tmp_path}/system.\n"
        "Put it into a folder named made and set CNNLAB_DATA to the folder around that."
    )


def test_refuses_a_found_file_of_other_content(tmp_path: Path) -> None:
    folder = _put(tmp_path / "system", {"train-x": encode(X + 1)})
    with pytest.raises(DataError, match=f"{folder}/train-x does not hold the published .* Remove it"):
        _made(folder=folder).load()


def test_refuses_a_found_file_that_is_damaged(tmp_path: Path) -> None:
    folder = _put(tmp_path / "system", {"train-x.gz": PACKED["train-x.gz"][:-4]})
    with pytest.raises(DataError, match=f"{folder}/train-x.gz is damaged"):
        _made(folder=folder).load()


def test_names_the_content_not_the_packing() -> None:
    assert _made().digest == _made("http://home/").digest
    other = replace(FILES[3], sha256="0" * 64)
    assert replace(_made(), test_y=other).digest != _made().digest
    assert len(_made().digest) == 16
