"""The cache is where the user has one, and nowhere else."""

import os
from pathlib import Path

import pytest

from cnnlab.data import DataError
from cnnlab.files.published import cache_folder
from cnnlab.user_cache import NoCache, user_cache


def test_it_is_where_the_environment_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert user_cache("kernels") == tmp_path / "cache" / "cnnlab" / "kernels"
    for ignored in ("", "relative"):
        monkeypatch.setenv("XDG_CACHE_HOME", ignored)
        assert user_cache("mnist") == tmp_path / "home" / ".cache" / "cnnlab" / "mnist"


def test_a_user_without_a_home_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is kept in a folder named ~ of the present one."""
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    with pytest.raises(NoCache, match="set XDG_CACHE_HOME to the absolute path"):
        user_cache("mnist")
    with pytest.raises(DataError, match="the user has no home folder"):
        cache_folder("mnist")
