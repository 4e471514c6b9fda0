"""docs/python.md: what it shows runs as it stands, against a service that trains."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pandas
import pytest
from whole_lab import Lab

from services.stack.folder import Folder

PAGE = (Path(__file__).parents[2] / "docs" / "python.md").read_text(encoding="utf-8")


def documented_environment(lab: Lab, folder: Path) -> dict[str, str]:
    """The page's variables as a shell sets them, from a folder as `cnnlab up` makes it with the lab's key."""
    home = Folder(folder)
    home.make()
    made = home.secrets().api_key
    assert lab.settings.api_key is not None
    path = home.root / "secrets.env"
    path.write_text(path.read_text().replace(made, lab.settings.api_key.get_secret_value()))
    (block,) = [each for each in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) if "secrets.env" in each]
    script = block.replace("http://127.0.0.1:8080", lab.url) + "env"
    bare = {"PATH": os.environ["PATH"]}
    done = subprocess.run(
        ["sh", "-ec", script], cwd=folder, env=bare, capture_output=True, text=True, check=True, timeout=60
    )
    names = dict(line.split("=", 1) for line in done.stdout.splitlines())
    return {name: value for name, value in names.items() if name.startswith("CNNLAB_")}


@pytest.mark.long
def test_the_programs_train_a_sweep_and_read_its_tables(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    train, tables, winner = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert len(train.splitlines()) <= 30
    environment = documented_environment(lab, tmp_path)
    assert environment.keys() == {"CNNLAB_URL", "CNNLAB_API_KEY"}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
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
