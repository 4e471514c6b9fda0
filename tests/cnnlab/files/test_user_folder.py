"""Paths of own data: below CNNLAB_DATA and nowhere else, and refused in words."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cnnlab import resolve
from cnnlab.data import DataError
from cnnlab.engine.cost import inspect
from cnnlab.errors import ConfigError
from cnnlab.files import user_folder


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """CNNLAB_DATA, beside a secret, with links inside, to the outside, and in a circle."""
    data = tmp_path / "data"
    (data / "sub").mkdir(parents=True)
    (data / "sub" / "digits.npz").write_bytes(b"x")
    (tmp_path / "secret.npz").write_bytes(b"secret")
    (tmp_path / "data-too").mkdir()
    (data / "out.npz").symlink_to(tmp_path / "secret.npz")
    (data / "up").symlink_to("..")
    (data / "beside").symlink_to(tmp_path / "data-too")
    (data / "in.npz").symlink_to("sub/digits.npz")
    (data / "circle").symlink_to("circle")
    os.mkfifo(data / "pipe")
    monkeypatch.setenv("CNNLAB_DATA", str(data))
    return data


@pytest.mark.parametrize("path", ["sub/digits.npz", "in.npz", "./sub//digits.npz"])
def test_what_lies_inside_is_found(folder: Path, path: str) -> None:
    assert user_folder.inside(path) == (folder / "sub" / "digits.npz").resolve()


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("../secret.npz", r"must be below CNNLAB_DATA: relative, without \.\. .* got '\.\./secret\.npz'"),
        ("sub/../../secret.npz", "must be below CNNLAB_DATA"),
        ("sub/../sub/digits.npz", "must be below CNNLAB_DATA"),
        ("/etc/passwd", "must be below CNNLAB_DATA"),
        ("sub\\digits.npz", "must be below CNNLAB_DATA"),
        ("a\0b", "must be below CNNLAB_DATA"),
        ("out.npz", r"^out\.npz is a link that points out of CNNLAB_DATA$"),
        ("up/secret.npz", r"^up is a link that points out of CNNLAB_DATA$"),
        ("up/data/sub/digits.npz", r"^up is a link"),
        ("beside/x.npz", r"^beside is a link"),
        ("circle/x", r"circle/x (below CNNLAB_DATA cannot be read|is not below CNNLAB_DATA)"),
        ("sub/digit.npz", r"sub/digit\.npz is not below CNNLAB_DATA \(.*\); there is digits\.npz"),
        ("x" * 300, "cannot be read: .*[Nn]ame too long"),
        ("pipe", "pipe is neither a file nor a folder"),
        ("", r"data\.path is missing: name a file or folder below .*; there is beside, circle, in\.npz"),
    ],
)
def test_what_lies_outside_is_refused_by_name(folder: Path, path: str, words: str) -> None:
    with pytest.raises(DataError, match=words):
        user_folder.inside(path)


def test_a_name_that_no_message_can_tell_is_left_out(folder: Path) -> None:
    (folder / "sub" / os.fsdecode(b"digits\xff.npz")).touch()
    with pytest.raises(DataError, match=r"; there is digits\.npz$") as caught:
        user_folder.inside("sub/digits-.npz")
    assert str(caught.value).encode()


@pytest.mark.parametrize("name", ["npz", "image-folder"])
def test_at_submit_the_fault_is_at_the_path(folder: Path, name: str) -> None:
    with pytest.raises(ConfigError, match=r"out\.npz is a link") as caught:
        resolve({"model": "mlp", "data": {"name": name, "path": "out.npz"}})
    assert caught.value.path == "data.path"
    with pytest.raises(ConfigError, match=r"data\.path is missing") as caught:
        inspect(resolve({"model": "mlp", "data": name}))
    assert caught.value.path == "data.path"


def test_without_the_folder_the_words_say_how_to_set_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("CNNLAB_DATA", raising=False)
    with pytest.raises(DataError, match=r"^digits\.npz needs CNNLAB_DATA: set it to the folder that holds"):
        user_folder.inside("digits.npz")
    monkeypatch.setenv("CNNLAB_DATA", str(tmp_path / "gone"))
    with pytest.raises(DataError, match="must name a folder"):
        user_folder.inside("digits.npz")


@pytest.mark.parametrize("digest", ["x", "A" * 64, "a" * 63, 3, None])
def test_an_invalid_digest_is_refused(folder: Path, digest: object) -> None:
    with pytest.raises(ConfigError, match="64 lower-case hexadecimal digits") as caught:
        resolve({"model": "mlp", "data": {"name": "npz", "path": "in.npz", "sha256": digest}})
    assert caught.value.path == "data.sha256"
