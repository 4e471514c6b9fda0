"""The file of results: nothing is lost when the benchmark is cut off."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.rivals import records


def test_a_last_line_that_was_cut_off_costs_only_itself(tmp_path: Path) -> None:
    file = tmp_path / "results.jsonl"
    assert records.read(file) == []
    for wall in (1.0, 2.0):
        records.append(file, {"wall": wall})
    with file.open("a", encoding="utf-8") as cut:
        cut.write('{"wall": 3')
    assert records.read(file) == [{"wall": 1.0}, {"wall": 2.0}]


def test_a_broken_line_in_the_middle_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "results.jsonl"
    file.write_text('{"wall": 1\n{"wall": 2}\n', encoding="utf-8")
    with pytest.raises(json.JSONDecodeError):
        records.read(file)
