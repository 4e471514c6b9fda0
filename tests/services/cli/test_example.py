"""services/cli/example.py: a hint names a file that is there."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from services.cli import example


def test_its_path_leads_there_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in (tmp_path, example.EXAMPLE.parents[1]):
        monkeypatch.chdir(folder)
        assert Path(example.shown()).samefile(example.EXAMPLE)
    assert shlex.quote(example.shown()) == "examples/dropout-grid.yaml"


def test_without_examples_any_name_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(example, "EXAMPLE", tmp_path / "missing.yaml")
    assert example.shown() == "sweep.yaml"
