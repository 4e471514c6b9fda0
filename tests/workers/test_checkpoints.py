"""workers/checkpoints.py on real files: whole or not at all, and verified when read."""

from __future__ import annotations

import errno
import hashlib
import os
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from workers.checkpoints import DamagedFile, read, write

TENSORS = {"weight": torch.arange(6.0).reshape(2, 3).T, "steps": torch.tensor([1, 2])}


def test_a_file_is_read_as_it_was_written(tmp_path: Path) -> None:
    name, sha256, size = write(tmp_path, "packs/p/epoch-1.safetensors", TENSORS, {"image": "[1]"})
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
    name, sha256, _ = write(tmp_path, "one.safetensors", TENSORS)
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
    name, sha256, _ = write(tmp_path, "one.safetensors", TENSORS)

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "no space left")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space left"):
        write(tmp_path, "one.safetensors", {"weight": torch.zeros(1)})
    assert read(tmp_path / name, sha256, 7).keys() == TENSORS.keys()
    assert [file.name for file in tmp_path.iterdir()] == [name]
