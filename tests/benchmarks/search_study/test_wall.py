"""Real runs: what is sent, and that a run that is there is not repeated."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from benchmarks.rivals import records
from benchmarks.search_study import wall
from benchmarks.search_study.recorded_curves import HERE
from benchmarks.search_study.running_service import Ended
from services.cli import specfile

SPEC = specfile.read(HERE / "grid81.yaml").spec


class PaperService:
    """Answers every sweep at once."""

    def __init__(self) -> None:
        self.specs: list[dict[str, Any]] = []
        self.client = SimpleNamespace(leaderboard=lambda sweep_id, limit: {"points": [{"mean": 0.8}]})

    def train(self, spec: dict[str, Any]) -> Ended:
        self.specs.append(spec)
        return Ended({"id": "a", "epochs": {"done": 189}}, 12.345)


class PaperRay:
    """Answers every task at once; a context, as the side that it stands for."""

    def __init__(self, *_: object) -> None:
        self.ready = lambda limit: None

    def __enter__(self) -> PaperRay:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def run(self, message: dict[str, Any], limit: float) -> dict[str, Any]:
        return {"wall": 99.0, "epochs": 200, "accuracies": [0.7, 0.9]}


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> PaperService:
    own = PaperService()

    @contextmanager
    def started(folder: Path) -> Any:
        yield own

    monkeypatch.setattr(wall, "running_service", started)
    monkeypatch.setattr(wall, "Running", PaperRay)
    monkeypatch.setattr(wall, "FILE", tmp_path / "wall.jsonl")
    monkeypatch.setattr(wall, "task", lambda spec, seed, folder: {"seed": seed})
    return own


def test_methods_take_turns_and_what_is_there_is_not_measured_again(service: PaperService) -> None:
    records.append(wall.FILE, {"method": "halving-3", "round": 1})
    wall.measure(Path("python"), rounds=2)
    found = records.read(wall.FILE)
    assert [(each["round"], each["method"]) for each in found] == [
        (1, "halving-3"),
        *((1, name) for name in (*wall.OURS, wall.RAY) if name != "halving-3"),
        *((2, name) for name in (*wall.OURS, wall.RAY)),
    ]
    assert {key: found[-1][key] for key in ("seconds", "epochs", "best")} == {
        "seconds": 99.0, "epochs": 200, "best": 0.9,
    }  # fmt: skip
    assert found[1]["seconds"] == 12.35
    sent = len(service.specs)
    wall.measure(Path("python"), rounds=2)
    assert len(service.specs) == sent


def test_every_sweep_has_one_seed_per_point_and_a_seed_of_its_own(service: PaperService) -> None:
    wall.measure(Path("python"), rounds=2)
    first, *measured = service.specs
    assert first["train"]["epochs"] == 1
    assert {spec["seeds"] for spec in measured} == {1}
    assert len({spec["seed"] for spec in measured}) == len(measured) == 2 * len(wall.OURS)
    assert measured[0]["search"] == "grid"
    assert measured[0]["stop"] == []
    assert [rule["name"] for rule in measured[1]["stop"]] == ["first-epoch"]


def test_ray_is_sent_the_same_grid_and_the_same_share_of_images(tmp_path: Path) -> None:
    message = wall.task(SPEC, 101, tmp_path)
    assert len(message["trials"]) == 81
    assert message["trials"][0] == {"lr": 0.003, "momentum": 0.5, "dropout": 0, "l2": 0}
    assert sorted(message["order"]) == list(range(81))
    assert (message["epochs"], message["batch"], message["eta"]) == (9, 64, 3)
    with np.load(message["split"]) as file:
        kept, held_out = len(file["train_y"]), len(file["val_y"])
    assert held_out == SPEC["data"]["validation"] * (kept + held_out)
