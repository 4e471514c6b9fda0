"""services/cli/invocation.py."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from services.cli.invocation import command_line


def test_a_command_on_path_is_typed_by_its_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "cnnlab").write_text("#!/bin/sh\n")
    (tmp_path / "cnnlab").chmod(0o755)
    monkeypatch.setattr(sys, "argv", [".venv/bin/cnnlab", "ls"])
    monkeypatch.setenv("PATH", str(tmp_path))
    assert command_line("up") == "cnnlab up"


def test_another_is_typed_as_it_was_started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    for started, words in [
        (".venv/bin/cnnlab", ".venv/bin/cnnlab up"),
        ("/a b/cnnlab", "'/a b/cnnlab' up"),
        ("-c", "cnnlab up"),
    ]:
        monkeypatch.setattr(sys, "argv", [started])
        assert command_line("up") == words
