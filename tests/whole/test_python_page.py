"""docs/python.md: what it shows runs as it stands, against a service that trains."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pandas
import pytest
from whole_lab import Lab

PAGE = (Path(__file__).parents[2] / "docs" / "python.md").read_text(encoding="utf-8")


@pytest.mark.long
def test_the_programs_train_a_sweep_and_read_its_tables(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    train, tables, winner = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert len(train.splitlines()) <= 30
    assert lab.settings.api_key is not None
    monkeypatch.setenv("CNNLAB_URL", lab.url)
    monkeypatch.setenv("CNNLAB_API_KEY", lab.settings.api_key.get_secret_value())
    monkeypatch.setenv("MPLBACKEND", "agg")
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(train, names)
    lines = capsys.readouterr().out.splitlines()
    assert lines[-5] == "succeeded 8 of 8 epochs"
    assert sum("adam" in line for line in lines[-4:]) == 2
    assert names["winner"]["model"] in ("mlp", {"name": "mlp"})

    exec(tables, names)
    assert list(names["trials"]["state"]) == ["succeeded"] * 4
    assert names["lines"].shape == (2, 4)
    assert pandas.read_parquet("trials.parquet").equals(names["trials"])
    assert Path("curves.png").read_bytes().startswith(b"\x89PNG")

    exec(winner, names)
    assert (tmp_path / "winner" / "model.py").is_file()
