"""workers/checkpoints.py on real files: whole or not at all, and verified when read."""

from __future__ import annotations

import errno
import hashlib
import os
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from workers.checkpoints import DamagedFile, NewFile, read, write, write_all

TENSORS = {"weight": torch.arange(6.0).reshape(2, 3).T, "steps": torch.tensor([1, 2])}


def test_a_file_is_read_as_it_was_written(tmp_path: Path) -> None:
    name, sha256, size = write(tmp_path, NewFile("packs/p/epoch-1.safetensors", TENSORS, {"image": "[1]"}))
    path = tmp_path / name
    assert hashlib.sha256(path.read_bytes()).hexdigest() == sha256
    assert path.stat().st_size == size
    again = read(path, sha256, 7)
    assert again.keys() == TENSORS.keys()
    assert all(torch.equal(again[key], TENSORS[key]) for key in TENSORS)
    with safe_open(path, framework="pt") as opened:
        assert opened.metadata() == {"image": "[1]"}
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_damaged_or_missing_file_is_named_by_its_number(tmp_path: Path) -> None:
    name, sha256, _ = write(tmp_path, NewFile("one.safetensors", TENSORS))
    path = tmp_path / name
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(
        DamagedFile, match=rf"one\.safetensors must have SHA-256 {sha256[:12]}…, got "
    ) as error:
        read(path, sha256, 7)
    assert error.value.checkpoint == 7
    path.unlink()
    with pytest.raises(DamagedFile, match="cannot be read: No such file"):
        read(path, sha256, 7)


def test_a_full_disk_leaves_the_file_before_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, sha256, _ = write(tmp_path, NewFile("one.safetensors", TENSORS))

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "no space left")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space left"):
        write(tmp_path, NewFile("one.safetensors", {"weight": torch.zeros(1)}))
    assert read(tmp_path / name, sha256, 7).keys() == TENSORS.keys()
    assert [file.name for file in tmp_path.iterdir()] == [name]


def test_several_files_are_synced_before_any_has_its_name_and_their_folder_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    sync, rename = os.fsync, Path.replace

    def synced(descriptor: int) -> None:
        done.append("sync " + Path(os.readlink(f"/proc/self/fd/{descriptor}")).name)
        sync(descriptor)

    def renamed(path: Path, target: Path) -> Path:
        done.append("rename " + target.name)
        return rename(path, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", renamed)
    files = [
        NewFile(f"packs/p/{name}.safetensors", {"w": torch.tensor([place])})
        for place, name in enumerate("ab")
    ]
    written = write_all(tmp_path, files)
    assert sorted(done[:2]) == ["sync a.tmp", "sync b.tmp"]
    assert done[2:] == ["rename a.safetensors", "rename b.safetensors", "sync p"]
    assert [name for name, _, _ in written] == [file.name for file in files]
    for place, (name, sha256, size) in enumerate(written):
        assert (tmp_path / name).stat().st_size == size
        assert read(tmp_path / name, sha256, 7)["w"].tolist() == [place]


def test_of_several_files_none_is_left_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    syncs: list[int] = []

    def full(descriptor: int) -> None:
        syncs.append(descriptor)
        if len(syncs) == 2:
            raise OSError(errno.ENOSPC, "no space left")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space left"):
        write_all(tmp_path, [NewFile(f"{name}.safetensors", TENSORS) for name in "abc"])
    assert list(tmp_path.iterdir()) == []
