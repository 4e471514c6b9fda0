"""docs/python.md: what it shows runs as it stands, against a service that trains."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from whole_lab import Lab

PAGE = (Path(__file__).parents[2] / "docs" / "python.md").read_text(encoding="utf-8")


@pytest.mark.long
def test_the_program_trains_a_sweep_and_prints_its_table(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    [program] = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert len(program.splitlines()) <= 30
    assert lab.settings.api_key is not None
    monkeypatch.setenv("CNNLAB_URL", lab.url)
    monkeypatch.setenv("CNNLAB_API_KEY", lab.settings.api_key.get_secret_value())
    names: dict[str, object] = {}
    exec(program, names)
    lines = capsys.readouterr().out.splitlines()
    assert lines[-5] == "succeeded 8 of 8 epochs"
    assert sum("adam" in line for line in lines[-4:]) == 2
    assert names["winner"]["model"] == {"name": "mlp"} or names["winner"]["model"] == "mlp"  # type: ignore[index]
