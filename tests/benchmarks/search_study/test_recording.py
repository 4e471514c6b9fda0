"""Recording: what is read from the service's answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import IO, Any

import pytest

from benchmarks.search_study import recording
from benchmarks.search_study.recorded_curves import read


class PaperClient:
    """Answers with two points of two seeds and two epochs, the later ones first."""

    def __init__(self, state: str = "succeeded", rows: int = 8) -> None:
        self.state = state
        keys = [(point, seed, epoch) for point in (1, 0) for seed in (1, 0) for epoch in (2, 1)][:rows]
        self.rows = [
            {"point": p, "replicate": s, "epoch": e, "val/acc": p + s / 10 + e / 100 + 1e-6, "val/loss": 9.0}
            for p, s, e in keys
        ]

    def sweep(self, sweep_id: str) -> dict[str, Any]:
        objective = {"metric": "val/acc", "goal": "maximize", "at": "best"}
        return {"state": self.state, "objective": objective, "finished_at": "2026-01-02T03:04:05Z"}

    def trials(self, sweep_id: str) -> list[dict[str, Any]]:
        return [{"point": point, "values": {"x": point}} for point in (1, 1, 0, 0)]

    def export(self, sweep_id: str, what: str, form: str, file: IO[bytes]) -> None:
        assert (what, form) == ("curves", "json")
        file.write(json.dumps(self.rows).encode())


def take(client: Any, folder: Path) -> None:
    recording.take(client, "a", "grid81", folder)


def test_curves_are_written_by_point_seed_and_epoch(tmp_path: Path) -> None:
    take(PaperClient(), tmp_path)
    found = read(tmp_path / "grid81.json")
    assert found.curves == [[[0.01, 0.02], [0.11, 0.12]], [[1.01, 1.02], [1.11, 1.12]]]
    assert found.points == [{"x": 0}, {"x": 1}]
    assert found.date == "2026-01-02"
    assert found.spec["seeds"] == 5


def test_a_sweep_that_is_not_whole_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="must have succeeded to be recorded, it is partial"):
        take(PaperClient("partial"), tmp_path)
    with pytest.raises(SystemExit, match="must have all epochs"):
        take(PaperClient(rows=7), tmp_path)
    assert not list(tmp_path.iterdir())
