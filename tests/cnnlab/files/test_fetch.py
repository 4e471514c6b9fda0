"""Downloads from a loopback server, and files that are kept whole or not at all."""

import errno
import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from loopback_home import Home, serve

from cnnlab.data import DataError
from cnnlab.files.fetch import download, keep

BODY = bytes(range(256)) * 1000


@pytest.fixture
def home() -> Iterator[Home]:
    with serve() as running:
        running.files["x.gz"] = BODY
        yield running


def test_downloads_a_file_and_says_so(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    assert download(f"{home.url}x.gz", limit=len(BODY)) == BODY
    assert capsys.readouterr().err == f"fetching {home.url}x.gz (0.26 MB)\n"


def test_refuses_more_than_the_limit(home: Home) -> None:
    with pytest.raises(DataError, match="must be at most 255,999 bytes long, but is longer"):
        download(f"{home.url}x.gz", limit=len(BODY) - 1)


def test_refuses_a_download_that_breaks_off(home: Home) -> None:
    home.breaks.add("x.gz")
    with pytest.raises(DataError, match=r"x\.gz was interrupted: .*128,?000"):
        download(f"{home.url}x.gz", limit=len(BODY))


def test_names_the_answer_of_a_home_without_the_file(home: Home) -> None:
    with pytest.raises(DataError, match=r"y\.gz answered 404 Not Found"):
        download(f"{home.url}y.gz", limit=1)


def test_names_a_home_that_does_not_answer() -> None:
    with socket.socket() as taken:  # bound, but nobody listens
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/x.gz"
        with pytest.raises(DataError, match=f"{url} cannot be reached: .*refused"):
            download(url, limit=1)


def test_keeps_a_file_in_a_new_folder_for_all_to_read(tmp_path: Path) -> None:
    path = tmp_path / "cnnlab" / "made" / "x"
    keep(b"old", path)
    with path.open("rb") as reader:
        keep(b"new", path)
        assert reader.read() == b"old", "who reads meanwhile reads one file to its end"
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert os.listdir(path.parent) == ["x"]


@pytest.mark.parametrize(
    "fault", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()], ids=["full", "stopped"]
)
def test_leaves_the_old_file_alone_when_interrupted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: BaseException
) -> None:
    keep(b"old", tmp_path / "x")

    def fail(descriptor: int) -> None:
        raise fault

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(DataError if isinstance(fault, OSError) else KeyboardInterrupt):
        keep(b"new", tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["x"]


def test_names_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "cnnlab").write_bytes(b"a file where the folder should be")
    with pytest.raises(DataError, match="cnnlab/made must be a writable folder"):
        keep(b"x", tmp_path / "cnnlab" / "made" / "x")
