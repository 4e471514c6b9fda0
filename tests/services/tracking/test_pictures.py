"""Figures of the best weights are drawn from the file alone, at the sweep's end, and may be missing."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from drawn_figures import parsed, texts
from mlflow_stage import Stage
from safetensors.numpy import save_file

from services.domain.states import TrialState
from services.figures import best_weights
from services.tracking import trial_run

IMAGE = (1, 8, 8)


def write(path: Path, first: Any) -> None:
    counts = [[9, 1], [3, 7]]
    told = {
        "image": json.dumps(IMAGE),
        "first_layer": "conv1.weight",
        "confusion_part": "val",
        "confusion": json.dumps(counts),
    }
    path.parent.mkdir(exist_ok=True)
    save_file({"conv1.weight": first, "another.weight": np.zeros((2, 2))}, path, told)


def end_all(stage: Stage, best_file: str) -> None:
    """End the sweep; one of its trials has best weights."""
    stage.train(1)
    stage.end(0, TrialState.SUCCEEDED, best_file=best_file)
    for index in (1, 2, 3):
        stage.end(index, TrialState.SUCCEEDED)
    stage.settle()
    assert stage.tracker().mirror(stage.sweep_id)
    stage.tracker().send_files(stage.sweep_id)


def test_the_sweeps_run_has_pictures_of_its_best_trials(stage: Stage, tmp_path: Path) -> None:
    write(stage.settings.files / "best" / "t0.safetensors", np.ones((4, 1, 3, 3), np.float32))
    end_all(stage, "best/t0.safetensors")
    run = stage.parent()
    folder = "figures/t000"
    assert {name for name in stage.artifacts(run) if name.startswith("figures/")} == {
        *(f"{folder}/confusion.svg", f"{folder}/first_layer.svg"),
    }
    drawn = parsed(stage.artifact(run, f"{folder}/confusion.svg", tmp_path).decode())
    assert texts(drawn)[1] == "validation images: 16 of 20 correct"
    assert texts(drawn)[0] == stage.runs()[0].info.run_name


def test_nothing_is_drawn_while_a_sweep_goes_on(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: object) -> None:
        raise AssertionError("drawn")

    for name in ("confusion_matrix", "first_layer"):
        monkeypatch.setattr(trial_run, name, failing)
    monkeypatch.setattr(best_weights, "read", failing)
    write(stage.settings.files / "best" / "t0.safetensors", np.ones((4, 1, 3, 3), np.float32))
    stage.train(1)
    stage.end(0, TrialState.SUCCEEDED, best_file="best/t0.safetensors")
    while stage.tracker().round(lambda: False):
        pass
    assert stage.runs()[0].info.status == "FINISHED"
    assert stage.runs()[0].data.tags["checkpoint"] == "best/t0.safetensors"
    assert stage.artifacts(stage.runs()[0]) == set()


def test_a_damaged_file_costs_the_pictures_and_nothing_else(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    path = stage.settings.files / "t0.safetensors"
    path.write_bytes(b"weights")
    with pytest.raises(ValueError):
        best_weights.read(path)
    with caplog.at_level(logging.WARNING):
        end_all(stage, "t0.safetensors")
    assert "no figures of its weights" in caplog.text
    assert stage.artifacts(stage.runs()[0]) == {"config.json", "curves.csv", "checkpoint/t0.safetensors"}
    assert stage.trial(0).mirror.reason.startswith("figures: ")
    assert stage.tracker().behind() == []


def test_a_run_names_its_data_set(stage: Stage) -> None:
    stage.train(1)
    assert stage.tracker().mirror(stage.sweep_id)
    inputs = [run.inputs.dataset_inputs for run in stage.runs()]
    assert [[found.dataset.name for found in each] for each in inputs] == [["paper"]] * 4
    assert len({each[0].dataset.digest for each in inputs}) == 1
    assert json.loads(inputs[0][0].dataset.source) == {"name": "paper", "validation": 0.1}
    (tag,) = inputs[0][0].tags
    assert (tag.key, tag.value) == ("mlflow.data.context", "training")
