"""benchmarks/gpu.py: its table, and that a part that is there is not measured again."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks import gpu
from benchmarks.gpu import Setting

ROW = {"trials": 8, "precision": "float32", "images/s": 1000.0}


def test_the_table_has_ratios_and_what_failed() -> None:
    arrays = [ROW, {"trials": 512, "precision": "float32", "error": "out of memory"}]
    found = gpu.table(
        {
            "machine": {"name": "H200"},
            "lenet5": {"plain loop": 100.0, "plain loops at once": 250.0, "arrays": arrays},
            "equality": {
                "optimizer sgd": {"recorded is eager": True, "float64 from a processor": 1e-12},
                "optimizer adam": {"recorded is eager": False, "float64 from a processor": 1e-3},
                "model x": {"error": "RuntimeError: no"},
            },
        }
    )
    assert "| 8 | float32 | 1,000 | 10.0 | 4.0 |" in found
    assert "| 512 | float32 | out of memory |" in found
    assert "| optimizer sgd | yes | 1.0e-12 |" in found
    assert "| optimizer adam | no | 1.0e-03, too far |" in found
    assert "| model x | RuntimeError: no |" in found


def test_parts_are_written_one_by_one_and_not_measured_twice(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    measured: list[str] = []

    def part(name: str) -> Any:
        def measure(setting: Setting) -> dict[str, Any]:
            measured.append(name)
            assert setting == Setting("cpu", 0.3, short=True)
            return {"torch": name}

        return measure

    monkeypatch.setattr(gpu, "PARTS", {"machine": part("machine"), "service": part("service")})
    monkeypatch.setattr(sys, "argv", ["gpu", str(tmp_path), "--cpu"])
    (tmp_path / "machine.json").write_text(json.dumps({"torch": "2"}))
    for _ in range(2):
        with pytest.raises(SystemExit) as ended:
            gpu.main()
        assert ended.value.code is None
    assert measured == ["service"]
    assert (tmp_path / "table.md").read_text() in capsys.readouterr().out


def test_a_part_that_fails_is_left_out_and_tried_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fail(setting: Setting) -> dict[str, Any]:
        raise RuntimeError("no memory")

    monkeypatch.setattr(gpu, "PARTS", {"equality": fail, "machine": lambda setting: {"torch": "2"}})
    monkeypatch.setattr(sys, "argv", ["gpu", str(tmp_path), "--cpu"])
    with pytest.raises(SystemExit, match="equality failed: RuntimeError: no memory"):
        gpu.main()
    assert {file.name for file in tmp_path.iterdir()} == {"machine.json", "table.md"}


def test_a_step_of_each_entry_is_compared() -> None:
    names = set(gpu.cases())
    assert {"optimizer adam", "schedule step", "penalty l2", "augmentation flip", "model lenet5"} <= names
    assert not {"optimizer lbfgs", "optimizer adagrad-full"} & names


def test_an_entry_that_trains_alike_is_equal() -> None:
    found = gpu.equality(Setting("cpu", 0.1, short=True))
    assert all(row["recorded is eager"] and row["float64 from a processor"] == 0 for row in found.values())
    assert len(found) > 5
