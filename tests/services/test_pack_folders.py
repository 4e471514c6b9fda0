"""The folders of packs: measured and deleted, whatever is in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from services import pack_folders
from services.pack_folders import FilesSize


def test_folders_are_measured_and_deleted_one_by_one(tmp_path: Path) -> None:
    for pack, name, size in (("p1", "log.txt", 3), ("p1", "epoch-1.safetensors", 10), ("p2", "log.txt", 5)):
        path = tmp_path / "packs" / pack / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * size)
    assert pack_folders.measure(tmp_path, ["p1", "p2", "none"]) == FilesSize(3, 18)
    pack_folders.remove(tmp_path, "p1")
    pack_folders.remove(tmp_path, "p1")
    assert pack_folders.measure(tmp_path, ["p1", "p2"]) == FilesSize(1, 5)


def test_what_vanishes_meanwhile_stops_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "packs" / "p1"
    folder.mkdir(parents=True)
    (folder / "log.txt").write_text("x")
    real, calls = pack_folders.shutil.rmtree, []  # type: ignore[attr-defined]

    def losing(path: Path) -> None:
        calls.append(path)
        if len(calls) == 1:
            raise FileNotFoundError(path)
        real(path)

    monkeypatch.setattr("shutil.rmtree", losing)
    pack_folders.remove(tmp_path, "p1")
    assert len(calls) == 2
    assert not folder.exists()
