"""services/cli/commands/export.py, against a real API without workers."""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable
from pathlib import Path

import pandas
import pytest

Run = Callable[..., tuple[int, str, str]]
Submit = Callable[[], str]
Give = Callable[[str, dict[int, list[float]]], None]


def test_trials_to_a_file(at: Run, submit: Submit, give: Give, tmp_path: Path) -> None:
    sweep = submit()
    give(sweep, {})
    path = tmp_path / "trials.csv"
    code, out, _ = at("export", sweep, "-o", str(path))
    assert (code, out) == (0, f"Wrote {path}.\n")
    rows = list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
    assert [row["number"] for row in rows] == [str(number) for number in range(12)]
    assert list(tmp_path.glob("*.part")) == []


def test_a_refused_export_leaves_no_file(at: Run, tmp_path: Path) -> None:
    code, _, err = at("export", "nothing", "-o", str(tmp_path / "none.csv"))
    assert code == 1
    assert "no sweep" in err
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_does_not_exist(at: Run, submit: Submit, tmp_path: Path) -> None:
    code, _, err = at("export", submit(), "-o", str(tmp_path / "away" / "x.csv"))
    assert code == 1
    assert f"{tmp_path / 'away' / 'x.csv'} cannot be written: " in err


def test_a_folder_is_no_file_to_write(at: Run, tmp_path: Path) -> None:
    for folder in (".", str(tmp_path), "/"):
        code, _, err = at("export", "0123456789", "-o", folder)
        assert code == 2
        assert "is a folder: name a file in it" in err


def test_parquet_has_the_same_trials(at: Run, submit: Submit, give: Give, tmp_path: Path) -> None:
    sweep = submit()
    give(sweep, {0: [0.90, 0.93, 0.93]})
    path = tmp_path / "trials.parquet"
    assert at("export", sweep, "--format", "parquet", "-o", str(path))[0] == 0
    frame = pandas.read_parquet(path)
    assert frame["number"].tolist() == list(range(12))
    assert sorted(frame["best_value"].dropna()) == [0.90, 0.93, 0.93]

    code, _, err = at("export", sweep, "--format", "parquet")
    assert code == 2
    assert "Parquet is not text: name a file with -o" in err
    code, _, err = at("export", sweep, "--format", "parquet", "-o", str(tmp_path))
    assert code == 2
    assert "is a folder" in err


def test_without_pandas_its_role_is_named(
    at: Run, submit: Submit, give: Give, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = submit()
    give(sweep, {})
    monkeypatch.setitem(sys.modules, "pandas", None)
    code, _, err = at("export", sweep, "--format", "parquet", "-o", str(tmp_path / "x.parquet"))
    assert code == 1
    assert "install the role, pip install '.[frames]'" in err
