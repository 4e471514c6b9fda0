"""services/model_export/writing.py: the program's answers, and what goes wrong with it, in sentences."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.model_export import writing
from services.model_export.writing import NotWritten


def ask(folder: Path) -> writing.WrittenModel:
    return writing.write(folder / "weights", {}, "a trial", folder, onnx=False)


def test_what_the_program_refuses_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotWritten, match="weights cannot be read as weights"):
        ask(tmp_path)


def test_without_torch_its_role_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "torch.py").write_text(
        "raise ModuleNotFoundError(\"No module named 'torch'\", name='torch')\n"
    )
    monkeypatch.setattr(writing, "ROOT", f"{tmp_path}:{writing.ROOT}")
    with pytest.raises(NotWritten, match=r"with torch, which is not here: pip install '\.\[torch\]'"):
        ask(tmp_path)


def test_a_program_that_fails_leaves_its_last_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "breaks.py").write_text("raise RuntimeError('no more memory')\n")
    monkeypatch.setattr(writing, "ROOT", tmp_path)
    monkeypatch.setattr(writing, "PROGRAM", "breaks")
    with pytest.raises(NotWritten, match="the model could not be written: RuntimeError: no more memory"):
        ask(tmp_path)


def test_a_program_that_takes_too_long_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sleeps.py").write_text("import time\ntime.sleep(60)\n")
    monkeypatch.setattr(writing, "ROOT", tmp_path)
    monkeypatch.setattr(writing, "PROGRAM", "sleeps")
    monkeypatch.setattr(writing, "MAX_SECONDS", 0.2)
    with pytest.raises(NotWritten, match=r"was not written within 0\.2 s"):
        ask(tmp_path)
