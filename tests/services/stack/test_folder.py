"""services/stack/folder.py."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url

from migrations.apply import upgrade
from services.stack.errors import StackError
from services.stack.folder import Folder, Running, sqlite_url


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    made = Folder(tmp_path)
    made.make()
    return made


def test_secrets_are_made_once_and_only_for_the_owner(folder: Folder) -> None:
    first = folder.secrets()
    assert folder.secrets() == first
    assert len(first.api_key) >= 32
    assert first.api_key != first.redis_password
    assert (folder.root / "secrets.env").stat().st_mode & 0o777 == 0o600
    assert folder.root.stat().st_mode & 0o077 == 0


def test_a_file_of_secrets_is_private_before_anything_is_in_it(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[tuple[int, int]] = []
    fdopen = os.fdopen

    def spied(descriptor: int, *how: Any, **more: Any) -> Any:
        state = os.fstat(descriptor)
        opened.append((state.st_mode & 0o777, state.st_size))
        return fdopen(descriptor, *how, **more)

    monkeypatch.setattr(os, "fdopen", spied)
    before = os.umask(0)
    try:
        folder.secrets()
    finally:
        os.umask(before)
    assert opened == [(0o600, 0)]
    assert (folder.root / "secrets.env").stat().st_mode & 0o777 == 0o600


def test_a_file_of_secrets_that_others_could_read_is_closed_to_them(folder: Folder) -> None:
    path = folder.root / "secrets.env"
    path.write_text("CNNLAB_API_KEY=abc\nCNNLAB_REDIS_PASSWORD=def\n")
    path.chmod(0o644)
    assert folder.secrets().api_key == "abc"
    assert path.stat().st_mode & 0o777 == 0o600


def test_two_folders_have_different_secrets(folder: Folder, tmp_path: Path) -> None:
    other = Folder(tmp_path / "other")
    other.make()
    assert other.secrets() != folder.secrets()


def test_a_damaged_secrets_file_is_refused_with_its_missing_line(folder: Folder) -> None:
    (folder.root / "secrets.env").write_text("CNNLAB_API_KEY=abc\n")
    with pytest.raises(StackError, match="no line CNNLAB_REDIS_PASSWORD"):
        folder.secrets()


def test_a_second_stack_is_refused_with_the_process_of_the_first(folder: Folder, tmp_path: Path) -> None:
    folder.lock()
    second = Folder(tmp_path)
    with pytest.raises(StackError) as refused:
        second.lock()
    assert str(folder.root) in str(refused.value)
    assert f"process {os.getpid()}" in str(refused.value)
    folder.unlock()
    second.lock()
    second.unlock()


def test_a_running_stack_is_found_until_it_goes(folder: Folder) -> None:
    assert folder.running() is None
    folder.lock()
    here = Running(os.getpid(), "http://127.0.0.1:1", "http://127.0.0.1:2")
    folder.announce(here)
    assert folder.running() == here
    folder.unlock()
    assert folder.running() is None


def test_what_a_killed_stack_left_behind_is_not_a_running_one(folder: Folder) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    folder.announce(Running(gone.pid, "http://127.0.0.1:1", "http://127.0.0.1:2"))
    assert folder.running() is None


@pytest.mark.long
@pytest.mark.parametrize("name", ["50%20off", "per%cent", "a b", "ü?#&"])
def test_a_folder_of_any_name_holds_the_database(tmp_path: Path, name: str) -> None:
    file = tmp_path / name / "state.db"
    file.parent.mkdir()
    assert make_url(sqlite_url(file)).database == str(file)
    upgrade(sqlite_url(file))
    assert file.stat().st_size > 0
